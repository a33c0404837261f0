//! What the daemon asks of a platform's unit.

use crate::config::Config;
use std::sync::Arc;
use tokio::sync::watch;

/// The daemon's end.
#[derive(Debug)]
pub struct Commander(watch::Sender<Wish>);

/// A unit's end: gives each order once, the newest configuration only.
#[derive(Debug)]
pub struct Orders {
    wish: watch::Receiver<Wish>,
    stops: u32,
    config: Arc<Config>,
}

/// One order.
#[derive(Debug, Clone)]
pub enum Order {
    /// Finish what runs, then end; a second one: end now.
    Stop,
    /// This is the platform's configuration from now on.
    Reload(Arc<Config>),
}

#[derive(Debug)]
struct Wish {
    stops: u32,
    config: Arc<Config>,
}

/// Both ends, for a unit that begins with `config`.
#[must_use]
pub fn orders(config: Arc<Config>) -> (Commander, Orders) {
    let (sender, wish) = watch::channel(Wish { stops: 0, config: config.clone() });
    (Commander(sender), Orders { wish, stops: 0, config })
}

// === impl Commander ===

impl Commander {
    /// See [`Order::Stop`].
    pub fn stop(&self) {
        self.0.send_modify(|wish| wish.stops = wish.stops.saturating_add(1));
    }

    /// See [`Order::Reload`].
    pub fn reload(&self, config: Arc<Config>) {
        self.0.send_modify(|wish| wish.config = config);
    }

    /// The configuration that the unit has, or is about to.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        self.0.borrow().config.clone()
    }
}

// === impl Orders ===

impl Orders {
    /// The next order. Nothing is lost if the future is dropped. A daemon that is gone gives no more orders.
    pub async fn next(&mut self) -> Order {
        loop {
            if let Some(order) = self.waiting() {
                return order;
            }
            if self.wish.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Whether there is an order that has not been given yet.
    #[must_use]
    pub fn are_waiting(&self) -> bool {
        let wish = self.wish.borrow();
        wish.stops > self.stops || !Arc::ptr_eq(&wish.config, &self.config)
    }

    fn waiting(&mut self) -> Option<Order> {
        let wish = self.wish.borrow_and_update();
        if wish.stops > self.stops {
            self.stops += 1;
            return Some(Order::Stop);
        }
        if Arc::ptr_eq(&wish.config, &self.config) {
            return None;
        }
        self.config = wish.config.clone();
        Some(Order::Reload(self.config.clone()))
    }
}
