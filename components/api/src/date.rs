//! Dates: the platform's milliseconds since 1970 UTC, and times.
//!
//! In types of one's own, by serde:
//!
//! ```
//! use action_component::date::{self, Timestamp};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Incident {
//!     #[serde(with = "date::millis")]
//!     discovered_date: Timestamp,
//!     #[serde(with = "date::optional_millis", default)]
//!     due_date: Option<Timestamp>,
//! }
//!
//! let incident: Incident = serde_json::from_str(r#"{ "discovered_date": 1524236957000 }"#)?;
//! assert_eq!(incident.discovered_date.to_string(), "2018-04-20T15:09:17Z");
//! assert_eq!(serde_json::to_value(&incident)?["discovered_date"], 1_524_236_957_000_i64);
//! # Ok::<(), serde_json::Error>(())
//! ```

use jiff::SignedDuration;
pub use jiff::{Timestamp, civil::Date};

const EPOCH: Date = Date::constant(1970, 1, 1);

/// Milliseconds of a day in UTC.
const DAY: i64 = 86_400_000;

/// For `#[serde(with = "date::millis")]` on a [`Timestamp`].
pub mod millis {
    pub use jiff::fmt::serde::timestamp::millisecond::required::{deserialize, serialize};
}

/// For `#[serde(with = "date::optional_millis", default)]` on an `Option<Timestamp>`.
pub mod optional_millis {
    pub use jiff::fmt::serde::timestamp::millisecond::optional::{deserialize, serialize};
}

/// The time that a date field's value means; none beyond the years -9999 and 9999. The last is 9999-12-30, 22:00 UTC: where
/// a day stands for "never", [`day_from_millis`] reads 9999-12-31 too.
#[must_use]
pub fn from_millis(millis: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(millis).ok()
}

/// A date field's value.
///
/// ```
/// use action_component::date::{from_millis, to_millis};
///
/// let noon = "2026-11-22T12:00:00Z".parse()?;
/// assert_eq!(to_millis(noon), 1_795_348_800_000);
/// assert_eq!(from_millis(1_795_348_800_000), Some(noon));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn to_millis(time: Timestamp) -> i64 {
    time.as_millisecond()
}

/// The value of a field that takes a day without a time (`datepicker`): the day's beginning in UTC.
///
/// ```
/// use action_component::date::{day_from_millis, day_to_millis};
///
/// let never = "9999-12-31".parse()?;
/// assert_eq!(day_to_millis(never), 253_402_214_400_000);
/// assert_eq!(day_from_millis(253_402_214_400_000), Some(never));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn day_to_millis(day: Date) -> i64 {
    // By days: a `Timestamp` leaves room for time zones, and does not reach the calendar's last day.
    EPOCH.duration_until(day).as_secs() * 1_000
}

/// The day in the value of a field that takes a day without a time; none where no calendar reaches that far.
#[must_use]
pub fn day_from_millis(millis: i64) -> Option<Date> {
    EPOCH.checked_add(SignedDuration::from_hours(millis.div_euclid(DAY) * 24)).ok()
}
