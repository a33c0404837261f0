//! Rich text, friendly and hostile.

use action_component::{text, value::TextArea};
use proptest::prelude::*;
use std::fmt::Write;

#[test]
fn html_becomes_lines() {
    for (html, plain) in [
        ("", ""),
        ("just text", "just text"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("<p>one</p><p>two<br>three</p>", "one\n\ntwo\nthree"),
        ("a<br><br>b", "a\n\nb"),
        ("  much \n\t space  ", "much space"),
        ("&lt;b&gt; &amp;amp; &eacute;&#x1F600;", "<b> &amp; é😀"),
        ("<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", "- a\n  - b\n- c"),
        ("<ol start=3><li>a<li><p>b</p></ol>", "3. a\n4. b"),
        ("<blockquote>said<br>so</blockquote>he", "> said\n> so\n\nhe"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c<td>d</table>", "a\tb\nc\td"),
        ("<pre>  x\n    y</pre>", "  x\n    y"),
        ("run <code>ls -l</code>, now", "run ls -l, now"),
        ("<a href='https://example.com/x'>there</a>", "there (https://example.com/x)"),
        ("<a href='mailto:a@b.c'>a@b.c</a> <a href='https://b.c/'>https://b.c/</a>", "a@b.c https://b.c/"),
        ("<b>bold</b>ly <img src=x alt=y>", "boldly"),
    ] {
        assert_eq!(text::plain(html), plain, "{html}");
    }
}

#[test]
fn html_becomes_markdown() {
    for (html, markdown) in [
        ("<h2>Look</h2><p>a <b>b</b>, <i>c</i> <s>d</s></p>", "## Look\n\na **b**, *c* ~~d~~"),
        ("<b> spaced </b>out", "**spaced** out"),
        ("<b></b><i> </i>none", "none"),
        ("<div>one</div><div>two</div>", "one\\\ntwo"),
        ("<ul><li>a</li></ul>after", "- a\n\nafter"),
        ("<a href='https://e.com/(x) y'>it</a>", "[it](https://e.com/%28x%29%20y)"),
        ("<pre>a\n```\nb</pre>", "````\na\n```\nb\n````"),
        ("<code>a`b</code> <code>`</code>", "``a`b`` `` ` ``"),
        (
            "<table><tr><th>a</th><th>b|c</th></tr><tr><td>1<br>2</td><td></td></tr></table>",
            "| a | b\\|c |\n| --- | --- |\n| 1 2 | |",
        ),
        (
            "1. # *x* last_updated _y_ [z] &lt;script&gt; &amp;lt; a&b",
            "1\\. # \\*x\\* last_updated \\_y\\_ \\[z\\] \\<script> \\&lt; a\\&b",
        ),
        ("<p># no heading</p><p>- no list</p>", "\\# no heading\n\n\\- no list"),
    ] {
        assert_eq!(text::markdown(html), markdown, "{html}");
    }
}

#[test]
fn markdown_becomes_html_and_comes_back() {
    let markdown = "# Look\n\nA **b** *c* `d` [e](https://e.com):\n\n- f\n  - g\n\n> h\n\n| i | j |\n| --- | --- |\n| 1 | 2 |";
    let html = text::from_markdown(markdown);
    assert!(
        html.contains("<strong>b</strong>") && html.contains("<a href=\"https://e.com\">e</a>"),
        "{html}"
    );
    assert_eq!(text::markdown(&html), markdown);
}

#[test]
fn nothing_that_runs_or_calls_out_gets_to_the_platform() {
    for (html, safe) in [
        ("<script>alert(1)</script>ok", "ok"),
        ("<scr<script>ipt>alert(1)</script>ok", "ipt&gt;alert(1)ok"),
        ("<style>*{}</style><p style='x:y' onclick=z>ok", "<p>ok</p>"),
        ("<img src=x onerror=alert(1)><iframe src=y></iframe>ok", "ok"),
        ("<a href='javascript:alert(1)'>x</a>", "x"),
        ("<a href=' java\nscript:alert(1)'>x</a>", "x"),
        ("<a href='&#106;avascript:alert(1)'>x</a><a href='data:text/html,x'>y</a>", "xy"),
        ("<a href='vbscript:x'>x</a><a href='\u{1}javascript:x'>y</a>", "xy"),
        (
            "<a href='https://e.com/\"onclick=\"x'>x</a>",
            "<a href=\"https://e.com/&quot;onclick=&quot;x\">x</a>",
        ),
        ("<a href='#incidents/7'>x</a>", "<a href=\"#incidents/7\">x</a>"),
        ("<svg><script>alert(1)</script><a xlink:href='javascript:x'>y</a></svg>", "y"),
        ("<math><mtext><table><mglyph><style><img src=x onerror=y>", "<table></table>"),
        ("<noscript><p title=\"</noscript><img src=x onerror=y>\">", "<p></p>"),
        ("<b><i>x</b></i>", "<b><i>x</i></b>"),
        ("<!-- <b> --><![CDATA[x]]>a < b", "a &lt; b"),
        ("<b/onclick=x>y", "<b>y</b>"),
        ("a&#13;b<a href=\"&#13;x\">", "a&#13;b<a href=\"x\"></a>"),
        ("<img alt='>' src=x>y", "y"),
    ] {
        assert_eq!(text::safe(html), safe, "{html}");
    }
    assert_eq!(text::from_markdown("[x](javascript:alert(1))"), "<p>x</p>");
    let shown = text::from_markdown("a <script>alert(1)</script>\n\n<div onclick=x>\n");
    assert!(!shown.contains("<script") && !shown.contains("<div"), "{shown}");
    assert!(shown.contains("&lt;script&gt;"), "{shown}");
    assert_eq!(text::from_plain("<b>\n\"1\" & 2"), "&lt;b&gt;<br>&quot;1&quot; &amp; 2");
}

#[test]
fn nothing_in_a_text_becomes_a_link_or_an_image_of_markdown() {
    for (html, markdown) in [
        ("!<a href='https://e.com'>x</a>", "\\![x](https://e.com)"),
        ("\\!<a href='https://e.com'>x</a>", "\\\\\\![x](https://e.com)"),
        ("<a href=x><pre>](javascript:y)</pre></a>", "[`](javascript:y)`](x)"),
        ("<h1><li><pre>[x](javascript:y)</pre>", "- # `[x](javascript:y)`"),
        ("<b><pre>[x](javascript:y)</pre></b>", "**`[x](javascript:y)`**"),
        ("<code>[x](javascript:y)`</code><code>z</code>", "`` [x](javascript:y)` `` `z`"),
        ("<a href='javascript&amp;colon;y;'>x</a>", "[x](javascript\\&colon;y;)"),
        ("<a href='java&amp;#115;cript:y'>x</a>", "[x](java\\&#115;cript:y)"),
        ("<a href='/?a=`|&amp;b'>x</a>", "[x](/?a=%60%7C&b)"),
        ("<code>a&#13;&#13;[x](javascript:y)</code>", "`a  [x](javascript:y)`"),
        (
            "<blockquote><pre>a&#13;[x](javascript:y)</pre></blockquote>",
            "> ```\n> a\n> [x](javascript:y)\n> ```",
        ),
    ] {
        assert_eq!(text::markdown(html), markdown, "{html}");
    }
}

/// Each of these has brought a parser, a renderer or a stack down somewhere.
#[test]
fn hostile_html_neither_panics_nor_takes_for_ever() {
    let mut attributes = "<a ".to_owned();
    let mut fonts = String::new();
    (0..100_000).for_each(|n| {
        let _ = write!(attributes, "a{n} ");
        let _ = write!(fonts, "<b id={n}><p>x");
    });
    let repeated = |unit: &str| unit.repeat((1 << 17) / unit.len());
    for hostile in [
        "<div>".repeat(200_000),
        repeated("<div>x"),
        repeated("<b><p>"),
        repeated("<ul><li>x"),
        repeated("<blockquote>"),
        repeated("<table><tr><td>"),
        repeated("</div>"),
        repeated("<a <a <a"),
        repeated("<"),
        repeated("&"),
        repeated("<b>x</b>"),
        repeated("<br>"),
        repeated("<pre><code>`"),
        repeated("<!--"),
        format!("<table><tr><th>{}</th></tr>{}", "x".repeat(1 << 19), "<tr><td>y".repeat(1 << 15)),
        format!("{attributes}>x"),
        format!("<a x='>' {attributes}>x"),
        format!("&amp<a x='>' {attributes}>x"),
        format!("</p {attributes}>x"),
        fonts,
        format!("<script>{}", repeated("x")),
        format!("<img src=\"data:{}\">seen", repeated("x")),
    ] {
        // Markdown does the most with it; the others are tried with less, for the tests' own time.
        let some: String = hostile.chars().take(1 << 16).collect();
        let (plain, markdown, safe) = (text::plain(&some), text::markdown(&hostile), text::safe(&some));
        assert!(markdown.len() < hostile.len() * 20, "{}", &some[..20]);
        assert!(plain.len().max(safe.len()) < some.len() * 20, "{}", &some[..20]);
    }
    for (long, plain) in [
        (format!("<img src=\"data:{}\">seen", repeated("x")), "seen"),
        (format!("<img alt='>' src=\"data:{}\">seen", repeated("x")), "seen"),
        (format!("<!-- <b {} -->seen", repeated("x")), "seen"),
        (format!("<script>a <b {}</script>seen", repeated("x")), "seen"),
        (format!("<i>{} &lt; <p", repeated("x")), &repeated("x")),
    ] {
        assert!(text::plain(&long).starts_with(plain), "{}", &long[..20]);
    }
    for hostile in
        [repeated("> "), repeated("*a_"), repeated("[x]("), repeated("- "), repeated("`"), repeated("|a")]
    {
        assert!(!text::safe(&text::from_markdown(&hostile)).contains("<script"));
    }
}

#[test]
fn a_text_area_is_read_as_what_it_says_it_is() {
    assert_eq!(TextArea::text("1 < 2 <b>").to_plain(), "1 < 2 <b>");
    assert_eq!(TextArea::html("<b>x</b>").to_plain(), "x");
    assert_eq!(TextArea::text("*x*\ny").to_markdown(), "\\*x\\*\\\ny");
    assert_eq!(TextArea::safe_html("<b onclick=y>x").content, "<b>x</b>");
    assert_eq!(TextArea::from_markdown("**x**").to_markdown(), "**x**");
}

/// Tags, pieces of tags, and what stands between them.
fn soup() -> impl Strategy<Value = String> {
    let tag = prop_oneof![
        "</?(a|b|p|li|ul|ol|td|tr|table|pre|code|blockquote|div|br|h1|script|style)( [a-z]{1,4}=[\"']?[a-z:<>]{0,5}[\"']?)?/?>",
        "[a-z<>&;\"'`*_|\\\\ \n#-]{0,8}",
        any::<String>(),
    ];
    prop::collection::vec(tag, 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn whatever_comes_is_made_safe_and_is_safe_as_it_is(html in soup()) {
        let safe = text::safe(&html);
        prop_assert_eq!(text::safe(&safe), safe.clone());
        let opened = safe.matches('<').count();
        prop_assert_eq!(text::plain(&safe), text::plain(&html));
        prop_assert_eq!(text::markdown(&safe), text::markdown(&html));
        let known = ["script", "style", "iframe", "img", "svg", "form"].iter().all(|tag| !safe.contains(&format!("<{tag}")));
        prop_assert!(known && opened == safe.matches('>').count(), "{}", safe);
        let _ = (text::plain(&html), text::markdown(&html), text::from_markdown(&html));
    }

    #[test]
    fn plain_text_survives_the_way_there_and_back(words in prop::collection::vec("[!-~]{1,6}", 1..8)) {
        let words = words.join(" ");
        prop_assert_eq!(text::plain(&text::from_plain(&words)), words.clone());
        let markdown = text::markdown(&text::from_plain(&words));
        prop_assert_eq!(text::plain(&text::from_markdown(&markdown)), words, "{}", markdown);
    }
}

fn holds_words_apart(html: &str, words: &[&str]) {
    for text in [text::plain(html), text::markdown(html), text::plain(&text::safe(html))] {
        let found: Vec<&str> = text.split_whitespace().map(|word| word.trim_matches('\\')).collect();
        let found: Vec<&str> = found.into_iter().filter(|word| !word.is_empty()).collect();
        assert_eq!(found, words, "{html}: {text:?}");
    }
}

/// All that the HTML standard's section "Rendering" shows apart from its neighbours.
#[test]
fn what_html_shows_apart_stays_apart() {
    for tag in [
        "address",
        "article",
        "aside",
        "blockquote",
        "button",
        "center",
        "dd",
        "details",
        "dialog",
        "dir",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "frameset",
        "header",
        "hgroup",
        "legend",
        "listing",
        "main",
        "marquee",
        "menu",
        "meter",
        "nav",
        "optgroup",
        "option",
        "output",
        "p",
        "plaintext",
        "pre",
        "progress",
        "search",
        "section",
        "select",
        "summary",
        "textarea",
        "xmp",
    ] {
        if matches!(tag, "blockquote" | "pre" | "listing" | "xmp") {
            // Markdown has signs of its own around these.
            let html = format!("one<{tag}>two</{tag}><{tag}>three</{tag}>four");
            let plain = text::plain(&html).replace("> ", "");
            assert_eq!(
                plain.split_whitespace().collect::<Vec<_>>(),
                ["one", "two", "three", "four"],
                "{tag}"
            );
            continue;
        }
        holds_words_apart(
            &format!("one<{tag}>two</{tag}><{tag}>three</{tag}>four"),
            &["one", "two", "three", "four"],
        );
        // In capitals, with attributes, never closed.
        let capital = tag.to_uppercase();
        holds_words_apart(&format!("one<{capital} class=x>two<{capital}>three"), &["one", "two", "three"]);
    }
    holds_words_apart(
        "a<input value=b>c<input type=hidden value=x>d<input type=submit value='e f'>",
        &["a", "b", "c", "d", "e", "f"],
    );
    assert_eq!(
        text::plain("<center>evil.example</center>https://good.example/x"),
        "evil.example\nhttps://good.example/x"
    );
    assert_eq!(text::plain("<pre>one<div>two</div>three</pre>"), "one\ntwo\nthree");
}

#[test]
fn what_is_nested_too_deeply_stays_apart_too() {
    let deep = |n: usize| format!("{}x<table><tr><td>one</td><td>two</td></tr></table>y", "<div>".repeat(n));
    for n in [0, 10, 29, 30, 31, 32, 33, 50, 500] {
        holds_words_apart_in_plain(&deep(n), &["x", "one", "two", "y"]);
        let linked = format!("{}<a href='https://e.com/{n}'>there</a>", "<table><tr><td>".repeat(n));
        assert!(text::plain(&linked).contains(&format!("https://e.com/{n}")), "{n}");
        assert!(text::markdown(&linked).contains(&format!("](https://e.com/{n})")), "{n}");
    }
}

fn holds_words_apart_in_plain(html: &str, words: &[&str]) {
    for text in [text::plain(html), text::plain(&text::safe(html))] {
        assert_eq!(text.split_whitespace().collect::<Vec<_>>(), words, "{html}");
    }
}

#[test]
fn an_address_that_can_be_clicked_is_never_lost() {
    const EVIL: &str = "https://evil.example/x";
    for (html, plain) in [
        ("<a href=@><img src='cid:b' alt='Open document'></a>", "Open document (@)"),
        ("<a href=@><img src='cid:b' title='Open document'></a>", "Open document (@)"),
        ("<a href=@ title='Open document'><img src='cid:b'></a>", "Open document (@)"),
        ("<a href=@><img src='cid:b'></a>", "@"),
        ("<a href=@><svg><title>x</title><path/></svg></a>", "@"),
        ("a<a href=@></a>b", "a @ b"),
        ("<a href=@> <span></span> </a>", "@"),
        ("<a href=@><img alt='logo'> Click</a>", "Click (@)"),
        ("<a href=@><code>ls</code></a>", "ls (@)"),
        ("<a href=@><pre>ls</pre></a>", "ls\n\n(@)"),
        ("<pre>see <a href=@>this</a> and <a href=@></a></pre>", "see this (@) and @"),
        ("<code>see <a href=@>this</a></code>", "see this (@)"),
        ("<map><area href=@ alt='Open'></map>", "Open (@)"),
        ("<area href=@>", "@"),
        ("<form action=@><input name=q><button>Go</button></form>", "@\nGo"),
        ("<button formaction=@>Go</button>", "@ Go"),
        ("<input type=submit value=Go formaction=@>", "@ Go"),
        ("<iframe src=@>x</iframe>", "@"),
        ("<svg><a xlink:href=@><text>Go</text></a></svg>", "Go (@)"),
        ("<a href=@>x<a href=@>y", "x (@)y (@)"),
    ] {
        let html = html.replace('@', EVIL);
        assert_eq!(text::plain(&html), plain.replace('@', EVIL), "{html}");
        let markdown = text::markdown(&html);
        let linked = markdown.contains("](https://evil.example/x)")
            || html.contains("<pre>")
            || html.contains("<code>");
        assert!(linked && markdown.contains(EVIL), "{html}: {markdown}");
        if !html.contains("iframe") {
            assert_eq!(text::plain(&text::safe(&html)), text::plain(&html), "{html}");
        }
    }
    let button =
        format!("<p>Hi</p><a href=\"{EVIL}\"><img src=\"cid:btn\" alt=\"Open document\"></a><p>Bye</p>");
    assert_eq!(text::markdown(&button), "Hi\n\n[Open document](https://evil.example/x)\n\nBye");
    assert_eq!(text::plain("<a name=top href='#top'></a>x"), "x");
    assert_eq!(text::plain("<a href='javascript:x'><img alt=y></a>z"), "z");
}

fn cells(markdown: &str) -> Vec<String> {
    let html = text::from_markdown(markdown);
    let cells = html.split("<t").filter(|part| part.starts_with("d>") || part.starts_with("h>"));
    cells.map(|cell| text::plain(cell.split_once('>').unwrap().1)).collect()
}

#[test]
fn a_table_is_as_wide_as_its_widest_row() {
    let html = "<table><tr><td colspan=\"3\">Login alert</td></tr><tr><td>User</td><td>IP</td><td>Time</td></tr>\
        <tr><td>joe</td><td>192.0.2.7</td><td>10:00</td></tr></table>";
    let markdown = text::markdown(html);
    let right = "| Login alert | | |\n| --- | --- | --- |\n| User | IP | Time |\n| joe | 192.0.2.7 | 10:00 |";
    assert_eq!(markdown, right);
    assert_eq!(cells(&markdown), ["Login alert", "", "", "User", "IP", "Time", "joe", "192.0.2.7", "10:00"]);
    let ragged = "before<table><caption>Title</caption><tr><td>a</td></tr><tr><td>b<td>c<tr></tr><tr><td>d<td>e<td>f</table>\
        <table><tr><td>g<td><table><tr><td>h<td>i</table></table>after";
    let markdown = text::markdown(ragged);
    let right = "before\n\nTitle\n\n| a | | |\n| --- | --- | --- |\n| b | c | |\n| d | e | f |\n\n| g | h i |\n| --- | --- |\n\nafter";
    assert_eq!(markdown, right);
    assert_eq!(text::plain(ragged), "before\n\nTitle\n\na\nb\tc\nd\te\tf\n\ng\th i\n\nafter");
    let listed =
        text::markdown("<ul><li>x<table><tr><td>a</td></tr><tr><td>b</td><td>c</td></tr></table></li></ul>");
    assert_eq!(cells(&listed), ["a", "", "b", "c"]);
    let spread = "<table><tr><td>a<td>b<td>c</tr><tr><td colspan=2>d<td>e</table>";
    assert_eq!(text::plain(spread), "a\tb\tc\nd\t\te");
}

#[test]
fn one_wide_row_does_not_make_a_table_huge() {
    let wide = format!("<table><tr>{}</tr>{}</table>", "<td>x".repeat(5_000), "<tr><td>y".repeat(5_000));
    let markdown = text::markdown(&wide);
    assert!(markdown.len() < wide.len() * 4);
    let back = text::plain(&text::from_markdown(&markdown));
    assert!(back.matches('y').count() >= 5_000);
}

#[test]
fn the_cases_that_passed_go_on_passing() {
    for (html, plain) in [
        ("<!-- comment --><table><tr><td><tr><td>Visible text</td></tr></td></tr></table>", "Visible text"),
        (
            "<html><head><style><!-- p{} --></style><!--[if gte mso 9]><xml><o:x/></xml><![endif]--></head><body><p \
             class=\"MsoNormal\">Test content<o:p></o:p></p></body></html>",
            "Test content",
        ),
        ("<a href=http://paypa1.example/login>Verify</a>", "Verify (http://paypa1.example/login)"),
    ] {
        assert_eq!(text::plain(html), plain);
    }
}
