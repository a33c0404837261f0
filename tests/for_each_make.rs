//! Tests that hold for every make of broker.

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
