//! What the integration tests run against: a real broker, the platform's end of its queues, certificates, servers,
//! proxies, the daemon as a process.

pub(crate) mod broker;
pub(crate) mod certificates;
pub(crate) mod log;
pub(crate) mod platform_queue;
pub(crate) mod processor;
pub(crate) mod proxies;
pub(crate) mod signal;
pub(crate) mod statistics;
pub(crate) mod stomp_client;
pub(crate) mod tls_server;

/// Makes a test of each of these functions for every make of broker.
macro_rules! for_each_make {
    ($($name:ident),+ $(,)?) => {
        mod activemq {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::support::broker::Make::ActiveMq).await;
            })+
        }

        mod rabbitmq {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::support::broker::Make::RabbitMq).await;
            })+
        }
    };
}
pub(crate) use for_each_make;
