use super::{Rest, RestError, segment};
use crate::fields::{Field, Fields};

impl Rest {
    /// The fields of a type (`GET /types/<type>/fields`): `incident`, `task`, `artifact`, a data table's API name, ….
    /// The platform's answer is remembered for `cache_ttl` seconds and shared by all messages, so ask each time.
    ///
    /// # Errors
    /// See [`RestError`]; 404 means that there is no such type.
    pub async fn fields(&self, type_name: &str) -> Result<Fields, RestError> {
        let path = format!("/types/{}/fields", segment(type_name));
        let fields: Vec<Field> = self.in_default_format().get_cached(&path).await?;
        Ok(Fields::new(type_name, fields))
    }
}
