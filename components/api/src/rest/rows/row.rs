use super::RowError;
use crate::fields::Fields;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// One row of a data table.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Row {
    /// Its id.
    pub id: i64,
    /// Its version, which the platform counts up with each change.
    pub version: Option<i64>,
    /// Its cells.
    pub cells: Cells,
}

/// The cells of a row, by the API names of their columns. An empty cell is `null`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cells(Map<String, Value>);

// === impl Row ===

impl Row {
    /// Reads a row as the platform writes it (`{"id", "version", "cells": {<column>: {"value"}}}`), also the one that an
    /// action message carries: `Row::of(message.row()?.value(), table.columns())`. None where it is no row.
    #[must_use]
    pub fn of(row: &Value, columns: &Fields) -> Option<Self> {
        let cells = row.get("cells")?.as_object()?;
        let cell = |(key, cell): (&String, &Value)| {
            (column(key, columns), cell.get("value").cloned().unwrap_or_default())
        };
        let cells = Cells(cells.iter().map(cell).collect());
        Some(Self {
            id: row.get("id")?.as_i64()?,
            version: row.get("version").and_then(Value::as_i64),
            cells,
        })
    }

    /// What the cell of `column` holds; `null` where it is empty.
    #[must_use]
    pub fn get(&self, column: &str) -> &Value {
        self.cells.get(column)
    }

    /// Reads the cells as a type of one's own.
    ///
    /// # Errors
    /// A cell does not have the shape that is asked for: the error names it.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_path_to_error::Error<serde_json::Error>> {
        let filled = self.cells.iter().filter(|(_, value)| !value.is_null());
        let filled: Map<_, _> = filled.map(|(name, value)| (name.to_owned(), value.clone())).collect();
        serde_path_to_error::deserialize(Value::Object(filled))
    }
}

/// A column that is told by its number has a name all the same.
fn column(key: &str, columns: &Fields) -> String {
    let numbered = |id: i64| columns.iter().find(|column| column.id == Some(id));
    let named = key.parse().ok().filter(|_| columns.get(key).is_none()).and_then(numbered);
    named.map_or_else(|| key.to_owned(), |column| column.name.clone())
}

// === impl Cells ===

impl Cells {
    pub(super) fn of(value: Value) -> Result<Self, RowError> {
        match value {
            Value::Object(cells) => Ok(Self(cells)),
            Value::Null => Err(RowError::NoCells("null")),
            Value::Array(_) => Err(RowError::NoCells("a list")),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => Err(RowError::NoCells("a single value")),
        }
    }

    /// What the cell of `column` holds; `null` where it is empty.
    #[must_use]
    pub fn get(&self, column: &str) -> &Value {
        self.0.get(column).unwrap_or(&Value::Null)
    }

    /// Fills in a cell.
    pub fn set(&mut self, column: impl Into<String>, value: impl Into<Value>) {
        self.0.insert(column.into(), value.into());
    }

    /// Columns and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(column, value)| (column.as_str(), value))
    }

    /// `{<column>: {"value": …}}`
    pub(super) fn to_wire(&self) -> Value {
        self.0.iter().map(|(column, value)| (column.clone(), json!({ "value": value }))).collect()
    }
}
