//! Reads a JSON object field by field, so that an error names the field. A text is also read as a number or a
//! boolean: a client or the portal may have written `"587"` for `587`.

mod flattened;
mod problem;

use std::fmt;
use std::iter::{Enumerate, Zip};
use std::slice::Iter;

use serde::de::value::StrDeserializer;
use serde::de::{
    Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, Error, IntoDeserializer,
    MapAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::InvalidValueKind;
use flattened::Marked;
use problem::Problem;

/// A member of an object: its name and its value.
type Member<'de> = (String, &'de RawValue);

/// The form in which a type sees the value of a member.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The value. A text is also a number or a boolean, where the field itself wants one.
    Value,
    /// The number or the boolean in a text.
    Scalar,
    /// A mark that no type accepts.
    Marked,
}

/// Reads an object. Returns `None` if `json` is not one.
pub(super) fn read<T: DeserializeOwned>(json: &str) -> Option<Result<T, Problem>> {
    let Members(members) = serde_json::from_str(json).ok()?;
    let outcome = read_as(&members, &vec![Form::Value; members.len()]);
    Some(match outcome {
        Err(problem) if problem.is_unnamed() => flattened::read(&members, problem),
        outcome => outcome,
    })
}

/// Reads an object whose members have these forms.
fn read_as<T: DeserializeOwned>(members: &[Member<'_>], forms: &[Form]) -> Result<T, Problem> {
    T::deserialize(Object {
        members: members.iter().zip(forms).enumerate(),
        next: None,
    })
}

struct Members<'a>(Vec<Member<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}

struct Object<'a, 'de> {
    members: Enumerate<Zip<Iter<'a, Member<'de>>, Iter<'a, Form>>>,
    /// The member whose name was read, and whose value is next.
    next: Option<(usize, (&'a Member<'de>, &'a Form))>,
}

impl<'de> Deserializer<'de> for Object<'_, 'de> {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_map(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for Object<'_, 'de> {
    type Error = Problem;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Problem> {
        self.next = self.members.next();
        let Some((_, ((name, _), _))) = self.next else {
            return Ok(None);
        };
        let name: StrDeserializer<'_, Problem> = name.as_str().into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Problem> {
        let (at, ((name, raw), form)) = self.next.take().ok_or_else(|| Problem::custom(""))?;
        let value = match form {
            Form::Value => read_value(seed, raw.get()),
            Form::Scalar => read_scalar(seed, raw.get()),
            Form::Marked => seed.deserialize(Marked(at)).map_err(drop),
        };
        value.map_err(|()| Problem {
            mark: (*form == Form::Marked).then_some(at),
            ..Problem::wrong_type(Some(name))
        })
    }
}

fn read_value<'de, S: DeserializeSeed<'de>>(seed: S, raw: &'de str) -> Result<S::Value, ()> {
    if raw.starts_with('"') {
        let text = read_text(raw)?;
        return seed.deserialize(Text(&text)).map_err(drop);
    }
    let mut json = serde_json::Deserializer::from_str(raw);
    seed.deserialize(&mut json).map_err(drop)
}

fn read_scalar<'de, S: DeserializeSeed<'de>>(seed: S, raw: &str) -> Result<S::Value, ()> {
    let text = read_text(raw)?;
    let mut json = serde_json::Deserializer::from_reader(text.as_bytes());
    seed.deserialize(&mut json).map_err(drop)
}

fn read_text(raw: &str) -> Result<Zeroizing<String>, ()> {
    serde_json::from_str(raw).map(Zeroizing::new).map_err(drop)
}

/// A text that is also a number or a boolean, where the type wants one.
struct Text<'a>(&'a str);

/// Reads the text as JSON.
macro_rules! as_json {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
            // A reader lends nothing to the visitor, as `Text` cannot either.
            let mut json = serde_json::Deserializer::from_reader(self.0.as_bytes());
            let value = json.$method(visitor).map_err(Problem::custom)?;
            json.end().map_err(Problem::custom)?;
            Ok(value)
        }
    )*};
}

impl<'de> Deserializer<'de> for Text<'_> {
    type Error = Problem;

    as_json! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32
        deserialize_f64
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_str(self.0)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_bytes(self.0.as_bytes())
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        let text: StrDeserializer<'_, Problem> = self.0.into_deserializer();
        text.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        char str string unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
