//! The rows of a data table.

mod row;

pub use row::{Cells, Row};

use super::{
    Rest, RestError, backoff,
    evidence::{self, Finding},
    same, segment,
};
use crate::fields::{Field, FieldError, Fields};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A data table of one incident. Cells go by the API names of their columns, selects by their labels.
///
/// ```
/// # use action_component::{Context, Failure};
/// # use serde_json::json;
/// # async fn handle(cx: Context) -> Result<(), Failure> {
/// let table = cx.rest().table(7, "seen_addresses").await?;
/// match table.find("address", "192.0.2.1").await?.first() {
///     Some(row) => {
///         table.change(row.id, |cells| cells.set("times", cells.get("times").as_i64().unwrap_or(0) + 1)).await?
///     }
///     None => table.add(&json!({ "address": "192.0.2.1", "times": 1 })).await?,
/// };
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Table {
    rest: Rest,
    path: String,
    columns: Fields,
}

/// What went wrong with the rows of a data table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// A column or a select's label is not one of the table's. Nothing was sent.
    #[error(transparent)]
    Column(#[from] FieldError),
    /// What should be cells is no object of columns and values.
    #[error("cells must be an object of columns and values, not {0}")]
    NoCells(&'static str),
    /// There is no such row, or no longer.
    #[error("{table} has no row {row}; somebody may have deleted it")]
    NoRow {
        /// The table's API name.
        table: String,
        /// The row's id.
        row: i64,
    },
    /// The call failed.
    #[error(transparent)]
    Rest(#[from] RestError),
}

/// A change whose answer was lost.
struct Lost {
    before: Row,
    sent: Row,
    error: RestError,
}

/// `TableDataDTO`
#[derive(Deserialize)]
struct TableData {
    #[serde(default)]
    rows: Vec<Value>,
}

// === impl Rest ===

impl Rest {
    /// The data table `name` (its API name) of an incident.
    ///
    /// # Errors
    /// See [`RestError`]; 404 means that there is no such table.
    pub async fn table(&self, incident: i64, name: &str) -> Result<Table, RestError> {
        let columns = self.fields(name).await?;
        let path = format!("/incidents/{incident}/table_data/{}", segment(name));
        Ok(Table { rest: self.names(), path, columns })
    }
}

// === impl Table ===

impl Table {
    /// The columns: their names, labels and types.
    #[must_use]
    pub fn columns(&self) -> &Fields {
        &self.columns
    }

    /// All rows, in the platform's order.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn rows(&self) -> Result<Vec<Row>, RestError> {
        let data: Option<TableData> = self.rest.get(&self.path).await?;
        let rows = data.map(|data| data.rows).unwrap_or_default();
        Ok(rows.iter().filter_map(|row| Row::of(row, &self.columns)).collect())
    }

    /// The rows whose cell in `column` holds `value`. The platform has no search for them: all rows are read.
    ///
    /// # Errors
    /// There is no such column, or a [`RestError`].
    pub async fn find(&self, column: &str, value: impl Into<Value> + Send) -> Result<Vec<Row>, RowError> {
        let value = value.into();
        self.columns.find(column)?;
        let mut rows = self.rows().await?;
        rows.retain(|row| *row.cells.get(column) == value);
        Ok(rows)
    }

    /// The row with this id, if it is still there.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn row(&self, id: i64) -> Result<Option<Row>, RestError> {
        Ok(self.rows().await?.into_iter().find(|row| row.id == id))
    }

    /// Adds a row with these cells: an object, or a type of one's own, of columns and values.
    ///
    /// # Errors
    /// There is no such column or label, or a [`RestError`]. A call that broke off may have added the row all the same, and is
    /// not repeated: [`RestError::may_have_been_carried_out`].
    pub async fn add(&self, cells: &(impl Serialize + Sync + ?Sized)) -> Result<Row, RowError> {
        let cells = Cells::of(crate::finite::to_value(cells).map_err(RestError::Unwritable)?)?;
        self.check(cells.iter())?;
        let body = json!({ "cells": cells.to_wire() });
        let answer: Value = self.rest.post(&format!("{}/row_data", self.path), &body).await?;
        // The row is there, so that this must not be taken for a refusal.
        let unreadable = || {
            let (method, path) = (Method::POST, format!("{}/row_data", self.path));
            let reader = serde_path_to_error::Track::new();
            let no_row = serde::de::Error::custom("the answer is no row");
            let source = serde_path_to_error::Error::new(reader.path(), no_row);
            RestError::Unreadable { method, path, source: Box::new(source) }.into()
        };
        Row::of(&answer, &self.columns).ok_or_else(unreadable)
    }

    /// Changes a row's cells. The platform takes a row as a whole, so that it is read first; if somebody else changed it in
    /// between (409), it is read again and `change` is applied again, a few times. What changes nothing is not written, and no
    /// change is made twice: if the answer is lost, the row is read to see whether it was changed.
    ///
    /// # Errors
    /// [`RowError::NoRow`], a column or a label that is not there, or a [`RestError`]: [`RestError::Conflict`] when somebody
    /// else was faster each time, [`RestError::InDoubt`] when the row may have been changed and reading does not show it.
    pub async fn change(&self, id: i64, mut change: impl FnMut(&mut Cells) + Send) -> Result<Row, RowError> {
        let mut lost: Option<Lost> = None;
        for attempt in 1..=backoff::ATTEMPTS {
            let row = match (self.row(id).await, lost.take()) {
                (Ok(Some(row)), before) => {
                    lost = before;
                    row
                }
                (_, Some(lost)) => return Err(evidence::in_doubt(lost.error).into()),
                (row, None) => row?.ok_or_else(|| self.no_row(id))?,
            };
            if let Some(sent) = lost.take() {
                match self.find_change(&sent, &row) {
                    Finding::Done => return Ok(row),
                    Finding::InDoubt => return Err(evidence::in_doubt(sent.error).into()),
                    Finding::NotDone => lost = Some(sent).filter(|sent| sent.before.version == row.version),
                }
            }
            let mut after = row.clone();
            change(&mut after.cells);
            if self.is_no_change(&row, &after) {
                return Ok(row);
            }
            self.check(after.cells.iter().filter(|(column, value)| row.get(column) != *value))?;
            match self.put(&after).await {
                Err(RestError::Status(error)) if error.status == StatusCode::CONFLICT => {}
                Err(error) if error.is_unsure() && lost.is_none() => {
                    lost = Some(Lost { before: row, sent: after, error });
                }
                answer => return self.changed(id, &answer?).await,
            }
            backoff::pause(attempt).await;
        }
        let (method, path) = (Method::PUT, self.path_of(id));
        Err(RestError::Conflict { method, path, attempts: backoff::ATTEMPTS }.into())
    }

    /// The row as the platform answered it, or, where the answer is none, as it is.
    async fn changed(&self, id: i64, answer: &Value) -> Result<Row, RowError> {
        match Row::of(answer, &self.columns) {
            Some(row) => Ok(row),
            None => self.row(id).await?.ok_or_else(|| self.no_row(id)),
        }
    }

    /// What a row shows of a change whose answer was lost.
    fn find_change(&self, lost: &Lost, now: &Row) -> Finding {
        let [before, sent, current] = [&lost.before, &lost.sent, now].map(|row| self.labelled(row));
        evidence::find(lost.before.version, now.version, &evidence::members(&before, &sent, &current))
    }

    fn is_no_change(&self, before: &Row, after: &Row) -> bool {
        let (before, after) = (self.labelled(before), self.labelled(after));
        let cells = before.as_object().into_iter().chain(after.as_object()).flat_map(|cells| cells.keys());
        cells.into_iter().all(|column| {
            let cell = |row: &Value| row.get(column).cloned().unwrap_or_default();
            same::is_no_change(&cell(&before), &cell(&after))
        })
    }

    /// A row's cells with the labels of what is chosen in them, whether they were written as labels or ids.
    fn labelled(&self, row: &Row) -> Value {
        let label = |field: &Field, value: &Value| {
            field.label_of(value).map_or_else(|| value.clone(), |label| label.into())
        };
        let cell = |(column, value): (&str, &Value)| {
            let labelled = match (self.columns.get(column), value) {
                (Some(field), Value::Array(values)) => {
                    values.iter().map(|value| label(field, value)).collect()
                }
                (Some(field), value) if !value.is_null() => label(field, value),
                (_, value) => value.clone(),
            };
            (column.to_owned(), labelled)
        };
        row.cells.iter().map(cell).collect()
    }

    /// Deletes a row; says whether it was still there.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn delete(&self, id: i64) -> Result<bool, RestError> {
        match self.rest.delete::<Value>(&self.path_of(id)).await {
            Ok(_) => Ok(true),
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn put(&self, row: &Row) -> Result<Value, RestError> {
        let mut body = json!({ "id": row.id, "cells": row.cells.to_wire() });
        if let (Some(members), Some(version)) = (body.as_object_mut(), row.version) {
            members.insert("version".to_owned(), version.into());
        }
        self.rest.put(&self.path_of(row.id), &body).await
    }

    fn path_of(&self, row: i64) -> String {
        format!("{}/row_data/{row}", self.path)
    }

    /// Columns and labels that the platform would refuse, or drop in silence.
    fn check<'a>(&self, mut cells: impl Iterator<Item = (&'a str, &'a Value)>) -> Result<(), FieldError> {
        cells.try_for_each(|(column, value)| {
            let unknown = self.columns.find(column)?.unknown_labels(value);
            unknown.into_iter().next().map_or(Ok(()), Err)
        })
    }

    fn no_row(&self, row: i64) -> RowError {
        RowError::NoRow { table: self.columns.type_name().to_owned(), row }
    }
}
