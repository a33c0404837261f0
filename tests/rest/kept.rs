//! Connections that were kept for the next call, and were cut meanwhile by what stands in between.

use super::{rest, settings};
use action_processor::component::rest::RestError;
use http::Method;
use serde_json::{Value, json};
use stand_in_platform::Platform;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// How a connection is cut when something is written to it.
#[derive(Debug, Clone, Copy)]
enum Cut {
    Reset,
    End,
}

/// Passes everything on; those of its connections that there are when it is told to are cut as soon as they are used again.
struct Between {
    port: u16,
    accepted: Arc<AtomicUsize>,
    /// Connections with a lower number are cut.
    cut: Arc<AtomicUsize>,
}

impl Between {
    async fn start(to: u16, how: Cut) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (accepted, cut) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (counted, limit) = (accepted.clone(), cut.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = counted.fetch_add(1, SeqCst);
                tokio::spawn(pass(stream, to, number, limit.clone(), how));
            }
        });
        Self { port, accepted, cut }
    }

    fn accepted(&self) -> usize {
        self.accepted.load(SeqCst)
    }

    fn cut(&self) {
        self.cut.store(self.accepted(), SeqCst);
    }
}

async fn pass(mut client: TcpStream, to: u16, number: usize, limit: Arc<AtomicUsize>, how: Cut) {
    let mut server = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => match read {
                Ok(1..) if number < limit.load(SeqCst) => {
                    if let Cut::Reset = how {
                        client.set_zero_linger().unwrap();
                    }
                    return;
                }
                Ok(length @ 1..) => server.write_all(&up[..length]).await.unwrap(),
                _ => return,
            },
            read = server.read(&mut down) => match read {
                Ok(length @ 1..) => client.write_all(&down[..length]).await.unwrap(),
                _ => return,
            },
        }
    }
}

#[tokio::test]
async fn a_kept_connection_that_was_cut_is_replaced_at_once() {
    for how in [Cut::Reset, Cut::End] {
        let platform = Platform::start().await;
        platform.add_incident(json!({ "id": 7, "name": "A", "vers": 1 }));
        let between = Between::start(platform.port(), how).await;
        let mut settings = settings(&platform);
        settings.address.port = between.port;
        settings.retries.delay = Duration::from_secs(30);
        let rest = rest(settings).await;
        // Several at a time: so many connections are kept, and all of them are cut.
        let both = || async { rest.get::<Value>("/incidents/7").await.unwrap() };
        tokio::join!(both(), both(), both());
        between.cut();
        let begun = Instant::now();
        assert_eq!(rest.get::<Value>("/incidents/7").await.unwrap()["name"], "A");
        between.cut();
        let body = json!({ "id": 7, "name": "B", "vers": 1 });
        let _: Value = rest.put("/incidents/7", &body).await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(15), "{how:?}: {:?}", begun.elapsed());
        assert_eq!(platform.incident(7)["name"], "B");
    }
}

#[tokio::test]
async fn what_is_not_safe_to_repeat_is_told_in_plain_words() {
    let platform = Platform::start().await;
    platform.add_incident(json!({ "id": 7, "name": "A" }));
    let between = Between::start(platform.port(), Cut::Reset).await;
    let mut settings = settings(&platform);
    settings.address.port = between.port;
    let rest = rest(settings).await;
    between.cut();
    match rest.post::<Value>("/incidents/7/comments", &json!({})).await {
        // The HTTP library may have seen in time that nothing was sent.
        Ok(_) => assert_eq!(platform.requests_of(&Method::POST, "/comments").len(), 1),
        Err(error) => {
            assert!(matches!(error, RestError::Interrupted { .. }), "{error}");
            assert!(!error.to_string().contains("http") && !error.to_string().contains("docs.rs"), "{error}");
            assert!(platform.objects("/incidents/7/comments").is_empty());
        }
    }
}

#[tokio::test]
async fn how_long_an_idle_connection_is_kept_is_a_setting() {
    for (kept, connections) in [(Duration::ZERO, 4), (Duration::from_secs(600), 1)] {
        let platform = Platform::start().await;
        platform.add_incident(json!({ "id": 7, "name": "A" }));
        let between = Between::start(platform.port(), Cut::End).await;
        let mut settings = settings(&platform);
        settings.address.port = between.port;
        settings.timeouts.pooled = kept;
        let rest = rest(settings).await;
        for _ in 0..2 {
            let _: Value = rest.get("/incidents/7").await.unwrap();
        }
        assert_eq!(between.accepted(), connections, "{kept:?}");
    }
}
