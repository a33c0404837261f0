//! How fast secrets are masked in what a message costs: a line of the log, an answer, an error's page; and what it costs
//! to learn a message's token and to let it go. Beside it, one searcher for each form of each secret, as a yardstick.
#![allow(clippy::expect_used, reason = "a bench that cannot go on panics")]

use std::hint::black_box;

use action_processor::{logging::Redactor, secret::Secret};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use memchr::memmem::Finder;
use serde_json::json;

/// What stands in an app.config with a few components.
fn secrets() -> Vec<Secret> {
    (0..8).map(|number| Secret::from(format!("s3cr<et/{number}-of-some-length+{}", number * 7919))).collect()
}

fn redact(criterion: &mut Criterion) {
    let secrets = secrets();
    let redactor = Redactor::new(&secrets);
    // Each message at work has one.
    let held: Vec<_> = (0..1_000)
        .map(|number| redactor.hold(&format!("eyJhbGciOiJIUzI1NiJ9.e30.{number:064x}").into()))
        .collect();
    let forms =
        secrets.iter().flat_map(|secret| (0..20).map(move |form| format!("{form}{}", secret.expose())));
    let finders: Vec<Finder<'static>> = forms.map(|form| Finder::new(form.as_bytes()).into_owned()).collect();

    let line = "2026-11-22 02:37:00,123 INFO [action_processor::dispatch::answer] carried out milliseconds=12 \
                message_id=ID:broker.example-40001-1700000000000-2:1:1:1:1 destination=add_task action=add_task \
                incident=2095\n";
    let page = format!("<html>{}</html>", "<p>It&#x27;s &lt;not&gt; so &amp; so.</p>\n".repeat(1_500));
    for (name, text) in [("a line", line), ("a page of 60 KB", page.as_str())] {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function("masked", |b| b.iter(|| redactor.mask_excerpt(black_box(text)).len()));
        group.bench_function("160 finders", |b| {
            b.iter(|| {
                let found = |finder: &&Finder<'_>| finder.find(black_box(text.as_bytes())).is_some();
                finders.iter().filter(found).count()
            });
        });
    }
    let answer = json!({
        "message_type": 0, "complete": true, "message": "",
        "results": { "version": 2, "success": true, "reason": null, "content": { "hosts": ["a.example", "b.example"],
        "verdict": "clean", "score": 17 }, "inputs": { "host": "a.example" } },
    });
    criterion.bench_function("an answer", |b| {
        b.iter(|| {
            let mut answer = answer.clone();
            redactor.mask_json(&mut answer);
            answer
        });
    });
    criterion.bench_function("a token learned and let go", |b| {
        b.iter(|| {
            redactor.hold(&Secret::from(black_box("eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJlIG9mIHRoaXM")))
        });
    });
    drop(held);
}

criterion_group!(benches, redact);
criterion_main!(benches);
