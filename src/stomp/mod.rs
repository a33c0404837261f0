//! stomp stub
#![allow(missing_docs, missing_debug_implementations)]
use bytes::Bytes;
#[derive(Debug, Clone)]
pub struct Link;
#[derive(Debug, Clone)]
pub struct AckHandle;
#[derive(Debug, Clone)]
pub struct Headers;
impl Headers {
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        [].into_iter()
    }
}
pub struct Delivery {
    pub destination: String,
    pub headers: Headers,
    pub body: Bytes,
    pub ack: AckHandle,
}
pub struct Outgoing {
    pub destination: String,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}
#[derive(Debug, thiserror::Error)]
#[error("stale")]
pub struct Stale;
impl Link {
    pub async fn settle(&self, _a: &AckHandle, _r: Option<Outgoing>) -> Result<(), Stale> {
        Ok(())
    }
    pub async fn send(&self, _on: Option<&AckHandle>, _m: Outgoing) -> Result<(), Stale> {
        Ok(())
    }
}
