use super::{Request, with_query};

/// How an answer says what refers to something else: a select's value, a user, a phase (guide, chapter 6, "Object
/// handles").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HandleFormat {
    /// `6`, as the platform does unasked.
    Ids,
    /// `"High"`
    Names,
    /// `{"id": 6, "name": "High"}`
    Objects,
}

/// The parameter's name. It stands in the query rather than in a header: what is remembered of answers goes by the path.
const PARAMETER: &str = "handle_format";

impl HandleFormat {
    /// Asks for this format, unless the call has one of its own.
    pub(super) fn ask(self, request: &mut Request) {
        let (_, query) = request.path.split_once('?').unwrap_or_default();
        let asked = query.split('&').any(|pair| pair.split('=').next() == Some(PARAMETER));
        if !asked && !request.headers.contains_key(PARAMETER) {
            request.path = with_query(&request.path, [(PARAMETER, self.word())]);
        }
    }

    /// What a path asks for by itself.
    pub(super) fn of(path: &str) -> Option<&str> {
        let (_, query) = path.split_once('?')?;
        query.split('&').find_map(|pair| pair.strip_prefix(PARAMETER)?.strip_prefix('='))
    }

    /// A path that asks for none.
    pub(super) fn without(path: &str) -> String {
        let Some((path, query)) = path.split_once('?') else { return path.to_owned() };
        let others = query.split('&').filter(|pair| pair.split('=').next() != Some(PARAMETER));
        let query = others.collect::<Vec<_>>().join("&");
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Ids => "ids",
            Self::Names => "names",
            Self::Objects => "objects",
        }
    }
}
