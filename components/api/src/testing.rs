//! Running a component without a broker or a platform.
//!
//! ```
//! # use action_component::{Component, Context, Failure, Message, Reply, handler_fn};
//! use action_component::testing::{self, Bench, Outcome, Platform};
//! use serde_json::json;
//!
//! # async fn close(message: Message, cx: Context) -> Result<Reply, Failure> {
//! #     let id = message.incident_id().unwrap_or_default();
//! #     let done: serde_json::Value = cx.rest().post(&format!("/incidents/{id}/comments"), &json!({})).await?;
//! #     Ok(Reply::text(format!("noted as {}", done["id"])))
//! # }
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let component = Component::new("notes").on("Make Note", handler_fn(close));
//! let platform = Platform::new();
//! platform.on("POST /incidents/{id}/comments", json!({ "id": 3 }));
//!
//! let message = testing::message("Make Note", json!({ "incident": testing::incident(7) }));
//! let outcome = Bench::new(platform.clone()).deliver(&component, message).await;
//!
//! outcome.assert_says("noted as 3");
//! platform.assert_calls(["POST /incidents/7/comments"]);
//! # });
//! ```
//!
//! # Layout
//! - [`message`], [`function`], [`inbound`], [`connector`]: what the platform sends, made up
//! - [`Bench`]: the daemon's part, its death and its next start included; [`Delivery`]: a message at work while the test
//!   goes on
//! - [`Platform`], [`Answer`], [`Asked`]: the platform's REST API, endpoint by endpoint or from recordings, and what was
//!   asked of it; [`PlatformObject`]: an incident or the like that is read and changed; [`PlatformCollection`]: what is
//!   listed and added to; [`Held`]: answers that do not come
//! - [`advance`]: time, on tokio's paused clock
//! - [`Outcome`]: what became of a message; [`assert_holds`]: what matters of some JSON
//!
//! `docs/testing.md` shows each, and what stands for what in the vendor's pytest plug-in.

mod answer;
mod bench;
mod call;
mod clock;
mod collection;
mod delivery;
mod desk;
mod endpoint;
mod held;
mod messages;
mod object;
mod outcome;
mod part;
mod platform;
mod routing;
mod vault;

pub use answer::{Answer, Answers, IntoAnswers};
pub use bench::Bench;
pub use call::{Asked, Call, Upload};
pub use clock::advance;
pub use collection::PlatformCollection;
pub use delivery::Delivery;
pub use held::Held;
pub use messages::{connector, function, inbound, incident, message, with_header};
pub use object::PlatformObject;
pub use outcome::Outcome;
pub use part::assert_holds;
pub use platform::Platform;
