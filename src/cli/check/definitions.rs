//! What the components need to find on the platform: functions, fields, low-code connectors.

use super::{
    exit,
    report::{Report, Stop},
};
use crate::{
    component::Rest,
    daemon::serving::{
        Loaded, Prospect, Settings,
        findings::{Finding, Standing},
    },
    rest::Platform,
};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// Looks for each; the queues that there are to subscribe to.
pub(super) async fn walk(
    platform: Platform,
    components: Vec<Loaded>,
    settings: Settings,
    patience: Duration,
    report: &mut Report<'_>,
) -> Result<Vec<String>, Stop> {
    let org = platform.org_id();
    let rest = Rest::new(Arc::new(platform), None);
    let looked = timeout(patience, Prospect::look(components, rest, org, settings)).await;
    let prospect = match looked {
        Ok(Ok(prospect)) => prospect,
        Ok(Err(clashes)) => {
            let clashes: Vec<String> = clashes.iter().map(ToString::to_string).collect();
            return Err(report.failed("components", exit::USAGE, &clashes.join("; ")));
        }
        Err(_elapsed) => {
            let text = format!("no answer within {} s (selftest_timeout)", patience.as_secs_f64());
            return Err(report.failed("definitions", exit::REST_UNREACHABLE, &text));
        }
    };
    for (finding, standing) in prospect.findings().iter() {
        tell(finding, standing, report);
    }
    if let Some(error) = prospect.trouble() {
        let _told = report.failed("definitions", exit::REST_UNREACHABLE, &error.to_string());
    }
    Ok(prospect.queues())
}

/// What a whole component lacks is a failure; what is served once it is there, a warning.
fn tell(finding: &Finding, standing: &Standing, report: &mut Report<'_>) {
    let Finding { component, what, essential } = finding;
    let step = if *essential { "required" } else { "served" };
    match standing {
        Standing::Met(queue) if queue.is_empty() => report.ok(step, &format!("{component}: {what}")),
        Standing::Met(queue) => report.ok(step, &format!("{component}: {what}, by {queue}")),
        Standing::Missing(todo) if *essential => {
            let text = format!("{component} is not loaded without {what}: {todo}");
            let _told = report.failed(step, exit::FAILED, &text);
        }
        Standing::Missing(todo) => report.warning(step, &format!("{component}: {what} is not there: {todo}")),
        Standing::Unknown => {
            report.skipped(step, &format!("{component}: {what}: the platform did not answer"))
        }
    }
}
