use serde_json::Value;

/// That `part` is found in `whole`: of an object each member that `part` names, of a list as many items as `part` has, each
/// with its part; anything else must be equal. What else is in `whole` does not matter.
///
/// ```
/// # use action_component::testing::assert_holds;
/// # use serde_json::json;
/// let incident = json!({ "id": 7, "name": "Phishing", "properties": { "score": 3, "other": 1 } });
/// assert_holds(&incident, &json!({ "name": "Phishing", "properties": { "score": 3 } }));
/// ```
///
/// # Panics
/// It is not: the panic says where they differ.
#[track_caller]
pub fn assert_holds(whole: &Value, part: &Value) {
    if let Err(difference) = holds(whole, part, "") {
        panic!("{difference}; all that came: {whole}");
    }
}

fn holds(whole: &Value, part: &Value, at: &str) -> Result<(), String> {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part.iter().try_for_each(|(name, part)| {
            holds(whole.get(name).unwrap_or(&Value::Null), part, &format!("{at}/{name}"))
        }),
        (Value::Array(whole), Value::Array(part)) if whole.len() == part.len() => {
            let mut items = whole.iter().zip(part).enumerate();
            items.try_for_each(|(number, (whole, part))| holds(whole, part, &format!("{at}/{number}")))
        }
        (whole, part) if whole == part => Ok(()),
        (whole, part) => {
            let place = if at.is_empty() { "the whole" } else { at };
            Err(format!("{place} is {whole}, not {part}"))
        }
    }
}
