use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use std::time::Duration;

/// How the stand-in misbehaves, once unless told otherwise, at the next request that it fits.
#[derive(Debug, Clone)]
pub struct Fault {
    method: Option<Method>,
    path: String,
    times: u32,
    pub(crate) after: bool,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Answer { status: StatusCode, headers: HeaderMap, body: String },
    Hang,
    Close,
    Delay(Duration),
    CutOff,
    Stall,
    Expire,
}

impl Fault {
    /// Answers with `status` and the platform's error body.
    ///
    /// # Panics
    /// `status` is none.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a mistake in a test")]
    pub fn status(status: u16) -> Self {
        let status = StatusCode::from_u16(status).expect("a test states a status that exists");
        let body = format!(
            r#"{{"success":false,"title":"Fault","message":"a fault of status {}","hints":[],"error_code":{}}}"#,
            status.as_u16(),
            status.as_u16()
        );
        Self::new(Kind::Answer { status, headers: HeaderMap::new(), body })
    }

    /// Never answers, nor reads the request's body.
    #[must_use]
    pub fn hang() -> Self {
        Self::new(Kind::Hang)
    }

    /// Closes the connection without an answer.
    #[must_use]
    pub fn close() -> Self {
        Self::new(Kind::Close)
    }

    /// Answers as it should, but late.
    #[must_use]
    pub fn delay(by: Duration) -> Self {
        Self::new(Kind::Delay(by))
    }

    /// Carries the request out, and closes the connection in the middle of the answer's body.
    #[must_use]
    pub fn cut_off() -> Self {
        Self::new(Kind::CutOff).after_carrying_out()
    }

    /// Carries the request out, and falls silent in the middle of the answer's body.
    #[must_use]
    pub fn stall() -> Self {
        Self::new(Kind::Stall).after_carrying_out()
    }

    /// Lets every session run out, and then answers as it should.
    #[must_use]
    pub fn expire() -> Self {
        Self::new(Kind::Expire)
    }

    /// First carries the request out, then misbehaves.
    #[must_use]
    pub fn after_carrying_out(mut self) -> Self {
        self.after = true;
        self
    }

    /// Only for requests of this method whose path holds `path`.
    #[must_use]
    pub fn on(mut self, method: Method, path: impl Into<String>) -> Self {
        self.method = Some(method);
        self.path = path.into();
        self
    }

    /// This often.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// With this header in the answer.
    ///
    /// # Panics
    /// It is none.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a mistake in a test")]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Kind::Answer { headers, .. } = &mut self.kind {
            let value = HeaderValue::from_str(value).expect("a test states a header that HTTP can carry");
            headers.append(HeaderName::from_static(name), value);
        }
        self
    }

    /// With this text as the answer's body.
    #[must_use]
    pub fn body(mut self, text: impl Into<String>) -> Self {
        if let Kind::Answer { body, .. } = &mut self.kind {
            *body = text.into();
        }
        self
    }

    fn new(kind: Kind) -> Self {
        Self { method: None, path: String::new(), times: 1, after: false, kind }
    }

    pub(crate) fn hangs(&self) -> bool {
        matches!(self.kind, Kind::Hang)
    }

    pub(crate) fn fits(&self, method: &Method, path: &str) -> bool {
        self.method.as_ref().is_none_or(|wanted| wanted == method) && path.contains(&self.path)
    }

    /// The first of `faults` that fits, used up by one.
    pub(crate) fn take(faults: &mut Vec<Self>, method: &Method, path: &str) -> Option<Self> {
        let place = faults.iter().position(|fault| fault.fits(method, path))?;
        let fault = faults.get_mut(place)?;
        fault.times = fault.times.saturating_sub(1);
        let taken = fault.clone();
        faults.retain(|fault| fault.times > 0);
        Some(taken)
    }
}
