//! Whatever the HTML: no panic. What `safe` makes of it holds nothing but harmless tags, attributes and addresses for a
//! browser's own parser, and says what the HTML said. What `markdown` makes of it brings no HTML and no dangerous link
//! to whoever shows it.
#![no_main]

use action_component::text;
use html5ever::{Attribute, parse_document, tendril::TendrilSink};
use libfuzzer_sys::fuzz_target;
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use pulldown_cmark::{Event, Options, Parser, Tag};
use url::Url;

/// What a parser adds on its own (`html`, `head`, `body`, `colgroup`), and what the platform shows.
const TAGS: &str = " html head body colgroup a b blockquote br caption code dd del div dl dt em h1 h2 h3 h4 h5 h6 hr i ins kbd li \
                    ol p pre s small span strike strong sub sup table tbody td tfoot th thead tr tt u ul var ";

const SCHEMES: [&str; 5] = ["http", "https", "mailto", "tel", "ftp"];

fuzz_target!(|html: &str| {
    let (safe, markdown) = (text::safe(html), text::markdown(html));
    let page = parse_document(RcDom::default(), html5ever::ParseOpts::default()).one(safe.as_str());
    check(&page.document);
    assert_eq!(text::safe(&safe), safe);
    assert_eq!(text::plain(&safe), text::plain(html), "{safe}");
    assert_eq!(text::markdown(&safe), markdown, "{safe}");
    check_markdown(&markdown);
});

fn check(node: &Handle) {
    match &node.data {
        NodeData::Document | NodeData::Text { .. } => {}
        NodeData::Element { name, attrs, .. } => {
            assert!(TAGS.contains(&format!(" {} ", name.local)), "{name:?}");
            attrs.borrow().iter().for_each(|attribute| check_attribute(&name.local, attribute));
        }
        other => panic!("{other:?}"),
    }
    node.children.borrow().iter().for_each(check);
}

fn check_attribute(tag: &str, attribute: &Attribute) {
    match (tag, &*attribute.name.local) {
        ("a", "href") => check_address(&attribute.value),
        ("ol", "start") => assert!(attribute.value.parse::<u32>().is_ok()),
        other => panic!("{other:?}"),
    }
}

/// As a browser reads it.
fn check_address(address: &str) {
    let here = Url::parse("https://platform.example/").unwrap();
    if let Ok(url) = here.join(address) {
        assert!(SCHEMES.contains(&url.scheme()), "{address:?}");
    }
}

fn check_markdown(markdown: &str) {
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Html(_) | Event::InlineHtml(_) | Event::Start(Tag::Image { .. }) => panic!("{event:?} in {markdown}"),
            Event::Start(Tag::Link { dest_url, .. }) => check_address(&dest_url),
            _ => {}
        }
    }
}
