//! Lists that are longer than a page.

use super::{Rest, RestError, backoff};
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use std::{
    collections::{HashSet, VecDeque},
    marker::PhantomData,
};

/// How many rows a page has, where the query does not say.
const LENGTH: u64 = 1000;

/// How often it goes back a page in all, because rows that were read are gone.
const MAX_STEPS_BACK: u32 = 100;

/// How often a page is asked for that the platform does not answer: asking changes nothing.
const ATTEMPTS: u32 = 4;

/// The rows of a list, read page by page. Each row comes once: what is added or deleted meanwhile makes no other row come
/// twice or not at all, as long as the query's order does not change by it.
#[derive(Debug)]
pub struct Paged<T> {
    rest: Rest,
    path: String,
    query: Map<String, Value>,
    length: u64,
    /// Where the next page begins, if it were the next to what was read.
    position: u64,
    /// Whether the next page begins with the last row of what was read, to see that none is missing.
    overlaps: bool,
    steps_back: u32,
    seen: HashSet<String>,
    ready: VecDeque<Value>,
    ended: bool,
    rows: PhantomData<fn() -> T>,
}

#[derive(Deserialize)]
struct Page {
    data: Vec<Value>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

// === impl Page ===

impl Page {
    /// How many rows the query has in all, where the answer says it.
    fn total(&self) -> Option<u64> {
        let names =
            ["recordsFiltered", "records_filtered", "total", "totalCount", "total_count", "recordsTotal"];
        names.iter().find_map(|name| self.more.get(*name)?.as_u64())
    }
}

// === impl Paged ===

impl<T: DeserializeOwned> Paged<T> {
    /// The next row; none behind the last.
    ///
    /// # Errors
    /// See [`RestError`]; a row that is no `T` is [`RestError::Unreadable`].
    pub async fn next(&mut self) -> Result<Option<T>, RestError> {
        while self.ready.is_empty() && !self.ended {
            self.read_page().await?;
        }
        let Some(row) = self.ready.pop_front() else { return Ok(None) };
        let read = serde_path_to_error::deserialize(row);
        read.map(Some).map_err(|source| RestError::Unreadable {
            method: http::Method::POST,
            path: self.path.clone(),
            source: Box::new(source),
        })
    }

    /// All rows, in memory.
    ///
    /// # Errors
    /// As for [`next`](Self::next).
    pub async fn all(mut self) -> Result<Vec<T>, RestError> {
        let mut rows = Vec::new();
        while let Some(row) = self.next().await? {
            rows.push(row);
        }
        Ok(rows)
    }

    /// The rows as a stream, which ends at the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<T, RestError>> {
        stream::try_unfold(self, async |mut paged| Ok(paged.next().await?.map(|row| (row, paged))))
    }

    async fn read_page(&mut self) -> Result<(), RestError> {
        let start = self.position - u64::from(self.overlaps);
        let page = self.ask(start).await?;
        let total = page.total();
        let count = u64::try_from(page.data.len()).unwrap_or(u64::MAX);
        let is_next =
            !self.overlaps || page.data.first().and_then(key).is_some_and(|key| self.seen.contains(&key));
        if !is_next && self.steps_back < MAX_STEPS_BACK {
            // Rows that were read are gone, and others stand in their places by now.
            self.steps_back += 1;
            self.position = start.saturating_sub(self.length.max(2) - 1);
            self.overlaps = self.position > 0;
            return Ok(());
        }
        let has_keys = page.data.iter().all(|row| key(row).is_some());
        let known = self.seen.len();
        let seen = &mut self.seen;
        let fresh = page.data.into_iter().filter(|row| key(row).is_none_or(|key| seen.insert(key)));
        let before = self.ready.len();
        self.ready.extend(fresh);
        self.position = start + count;
        self.ended = count == 0 || total.map_or(count < self.length, |total| self.position >= total);
        // A page of nothing but what is known must not be asked for again.
        let news = self.seen.len() > known || self.ready.len() > before;
        self.overlaps = has_keys && news && self.length > 1;
        Ok(())
    }

    async fn ask(&self, start: u64) -> Result<Page, RestError> {
        let mut query = self.query.clone();
        query.insert("start".to_owned(), start.into());
        query.insert("length".to_owned(), self.length.into());
        for attempt in 1.. {
            match self.rest.post(&self.path, &query).await {
                Err(RestError::Status(error)) if attempt < ATTEMPTS && error.status.is_server_error() => {}
                Err(RestError::Interrupted { .. } | RestError::TimedOut { .. }) if attempt < ATTEMPTS => {}
                answer => return answer,
            }
            backoff::pause(attempt).await;
        }
        self.rest.post(&self.path, &query).await
    }
}

/// By what a row is known again.
fn key(row: &Value) -> Option<String> {
    row.get("id").filter(|id| id.is_number() || id.is_string()).map(ToString::to_string)
}

// === impl Rest ===

impl Rest {
    /// The rows of a list that is longer than a page: `POST /incidents/query_paged`, and the same of artifacts, data tables,
    /// playbook executions, …. `query` is the platform's (`filters`, `sorts`); its `length`, 1000 if it has none, is the
    /// number of rows of one page, its `start` the first row's place.
    ///
    /// ```
    /// # use action_component::{Failure, Rest};
    /// # use serde_json::json;
    /// # async fn handle(rest: Rest) -> Result<(), Failure> {
    /// #[derive(serde::Deserialize)]
    /// struct Incident {
    ///     id: i64,
    ///     name: String,
    /// }
    /// let open = json!({ "filters": [{ "conditions": [
    ///     { "field_name": "plan_status", "method": "equals", "value": "A" },
    /// ] }], "sorts": [{ "field_name": "id", "type": "asc" }] });
    /// let mut incidents = rest.query_paged::<Incident>("/incidents/query_paged", &open)?;
    /// while let Some(incident) = incidents.next().await? {
    ///     println!("{} {}", incident.id, incident.name);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The query is no JSON object.
    pub fn query_paged<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &(impl Serialize + ?Sized),
    ) -> Result<Paged<T>, RestError> {
        let query = crate::finite::to_value(query).map_err(RestError::Unwritable)?;
        let query: Map<String, Value> = match query {
            Value::Null => Map::new(),
            query => serde_json::from_value(query).map_err(RestError::Unwritable)?,
        };
        let number = |name: &str| query.get(name).and_then(Value::as_u64);
        let (length, position) = (number("length").unwrap_or(LENGTH).max(1), number("start").unwrap_or(0));
        Ok(Paged {
            rest: self.clone(),
            path: path.to_owned(),
            query,
            length,
            position,
            overlaps: false,
            steps_back: 0,
            seen: HashSet::new(),
            ready: VecDeque::new(),
            ended: false,
            rows: PhantomData,
        })
    }
}
