//! Reads types with `#[serde(flatten)]`.
//!
//! For these, serde buffers the members and reads the fields from the buffer, where a text is no number, and an error
//! does not name its field. So the object is read several times: at first every value is a mark that no type
//! accepts. Each error shows the next field that is read, which then gets its value, up to the one whose value is
//! refused.

use serde::de::{DeserializeOwned, Deserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Number;

use super::problem::Problem;
use super::{Form, Member, read_as, read_text};

/// The most members of an object that is read several times.
const MAX_MEMBERS: usize = 100;

/// Reads an object of which a first reading failed with `unnamed`.
pub(super) fn read<T: DeserializeOwned>(
    members: &[Member<'_>],
    unnamed: Problem,
) -> Result<T, Problem> {
    if members.len() > MAX_MEMBERS {
        return Err(unnamed);
    }
    let mut forms = vec![Form::Marked; members.len()];
    let mut last = None;
    loop {
        let problem = match read_as::<T>(members, &forms) {
            Ok(_) => return read_as(members, &without_marks(forms)),
            Err(problem) => problem,
        };
        if let Some(at) = problem.mark {
            forms[at] = Form::Value;
            // A field with a name in its error is not read from the buffer.
            last = problem.field.is_none().then_some(at);
            continue;
        }
        match last {
            _ if !problem.is_unnamed() => return Err(problem),
            Some(at) if problem.is_mismatch => {
                if forms[at] != Form::Value || !is_scalar(members[at].1.get()) {
                    return Err(Problem::wrong_type(Some(&members[at].0)));
                }
                forms[at] = Form::Scalar;
            }
            _ => return Err(unnamed),
        }
    }
}

fn without_marks(mut forms: Vec<Form>) -> Vec<Form> {
    for form in &mut forms {
        if *form == Form::Marked {
            *form = Form::Value;
        }
    }
    forms
}

/// Returns true for a text that is a number or a boolean.
fn is_scalar(raw: &str) -> bool {
    let Ok(text) = read_text(raw) else {
        return false;
    };
    matches!(text.as_str(), "true" | "false") || serde_json::from_str::<Number>(&text).is_ok()
}

/// A mark in place of the value of this member: bytes that are not text.
pub(super) struct Marked(pub(super) usize);

impl Marked {
    /// Returns the member whose mark a type has refused.
    pub(super) fn find(found: Unexpected<'_>) -> Option<usize> {
        match found {
            Unexpected::Bytes([0xFF, at @ ..]) => Some(usize::from_le_bytes(at.try_into().ok()?)),
            _ => None,
        }
    }
}

impl<'de> Deserializer<'de> for Marked {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let mut mark = vec![0xFF];
        mark.extend(self.0.to_le_bytes());
        visitor.visit_byte_buf(mark)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
