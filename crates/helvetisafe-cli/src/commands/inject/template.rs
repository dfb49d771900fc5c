//! Templates: text with `{{ secret "KEY" }}`, `{{ secret "KEY" "FIELD" }}` and `{{ variable "NAME" }}` in it.
//!
//! The parser of Handlebars reads them. The parts are joined here, so that no value goes through a library
//! that would leave copies of it.

use std::collections::BTreeMap;

use handlebars::template::{HelperTemplate, Parameter, TemplateElement};
use handlebars::{JsonValue, Path};
use helvetisafe::KeyName;

use crate::commands::selection::{IfMissing, PROJECT_FILE, PROJECT_VARIABLE, Renamed};
use crate::session::SecretRequest;
use crate::ui::terminal::escape_line;

/// A valid template.
pub(super) struct Template {
    pub(super) parts: Vec<Part>,
}

pub(super) enum Part {
    Text(String),
    Secret {
        key: KeyName,
        field: Option<String>,
        if_missing: IfMissing,
        line: usize,
    },
    /// A variable of the project file.
    Variable {
        name: String,
        line: usize,
    },
}

impl Template {
    /// Parses a template, or returns everything that is wrong in it.
    pub(super) fn parse(text: &str) -> Result<Self, Vec<String>> {
        let parsed = handlebars::Template::compile(text).map_err(|error| {
            let (line, column) = error.pos().unwrap_or((1, 1));
            vec![format!(
                "line {line}, column {column}: it is not a template"
            )]
        })?;
        let (mut parts, mut problems) = (Vec::new(), Vec::new());
        for (element, position) in parsed.elements.into_iter().zip(&parsed.mapping) {
            match part(element, position.0) {
                Ok(part) => parts.extend(part),
                Err(problem) => problems.push(format!("line {}: {problem}", position.0)),
            }
        }
        if problems.is_empty() {
            Ok(Self { parts })
        } else {
            Err(problems)
        }
    }

    /// Returns true if the template names variables of the project file.
    pub(super) fn has_variables(&self) -> bool {
        let mut parts = self.parts.iter();
        parts.any(|part| matches!(part, Part::Variable { .. }))
    }

    /// Replaces variables by the secrets that they come from, or returns all that are unknown. `variables` are those
    /// of the project file, if there is one.
    pub(super) fn resolve(&mut self, variables: Option<&[Renamed]>) -> Result<(), Vec<String>> {
        let mut problems = Vec::new();
        for part in &mut self.parts {
            let Part::Variable { name, line } = part else {
                continue;
            };
            let found = variables.and_then(|all| all.iter().find(|it| it.name == *name));
            match found {
                Some(found) => {
                    *part = Part::Secret {
                        key: found.key.clone(),
                        field: found.field.clone(),
                        if_missing: found.if_missing.clone(),
                        line: *line,
                    }
                }
                None => {
                    let name = escape_line(name);
                    problems.push(match variables {
                        Some(_) => format!("line {line}: the project file has no variable `{name}`"),
                        None => format!(
                            "line {line}: there is no project file for the variable `{name}`; write {PROJECT_FILE} here or \
                             in a folder above, or name one with {PROJECT_VARIABLE}"
                        ),
                    });
                }
            }
        }
        match problems.is_empty() {
            true => Ok(()),
            false => Err(problems),
        }
    }

    /// Returns a request for each secret, with the fields that the template names; without fields if it
    /// also has the whole secret.
    pub(super) fn requests(&self) -> Vec<SecretRequest> {
        let mut uses = BTreeMap::<_, (Vec<_>, bool)>::new();
        for part in &self.parts {
            if let Part::Secret {
                key,
                field,
                if_missing,
                ..
            } = part
            {
                let (fields, is_optional) = uses.entry(key.clone()).or_insert((Vec::new(), true));
                fields.push(field.clone());
                *is_optional &= *if_missing != IfMissing::Fail;
            }
        }
        let requests = uses
            .into_iter()
            .map(|(key, (fields, is_optional))| SecretRequest {
                key,
                fields: fields
                    .into_iter()
                    .collect::<Option<_>>()
                    .unwrap_or_default(),
                is_optional,
            });
        requests.collect()
    }
}

fn part(element: TemplateElement, line: usize) -> Result<Option<Part>, String> {
    match element {
        TemplateElement::RawString(text) => Ok(Some(Part::Text(text))),
        TemplateElement::Comment(_) => Ok(None),
        // `{{{ … }}}` escapes nothing in Handlebars. Here `{{ … }}` does not either.
        TemplateElement::Expression(call) | TemplateElement::HtmlExpression(call) => {
            call_of(*call, line).map(Some)
        }
        TemplateElement::HelperBlock(call) => Err(unknown(&call.name)),
        _ => Err("partials and decorators are not supported".to_owned()),
    }
}

fn call_of(call: HelperTemplate, line: usize) -> Result<Part, String> {
    let is_variable = match &call.name {
        Parameter::Name(name) if name == "secret" => false,
        Parameter::Name(name) if name == "variable" => true,
        name => return Err(unknown(name)),
    };
    let has_options = !call.hash.is_empty();
    let mut texts = call.params.into_iter().map(|parameter| match parameter {
        Parameter::Literal(JsonValue::String(text)) => Some(text),
        _ => None,
    });
    let (name, field) = match (texts.next(), texts.next(), texts.next()) {
        (Some(Some(name)), None, None) => (name, None),
        (Some(Some(key)), Some(Some(field)), None) if !is_variable => (key, Some(field)),
        _ if is_variable => return Err("`variable` takes one name in quotes".to_owned()),
        _ => return Err("`secret` takes one or two names in quotes".to_owned()),
    };
    if has_options {
        let name = if is_variable { "variable" } else { "secret" };
        return Err(format!("`{name}` takes no options"));
    }
    if is_variable {
        return Ok(Part::Variable { name, line });
    }
    Ok(Part::Secret {
        key: KeyName::parse(name).map_err(|error| error.to_string())?,
        field,
        if_missing: IfMissing::Fail,
        line,
    })
}

fn unknown(name: &Parameter) -> String {
    let name = match name {
        Parameter::Name(name) => name,
        Parameter::Path(Path::Relative((_, name)) | Path::Local((_, _, name))) => name,
        _ => return "expressions are not supported".to_owned(),
    };
    format!("`{}` is unknown", escape_line(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filled(text: &str) -> String {
        let template = Template::parse(text).unwrap_or_else(|problems| panic!("{problems:?}"));
        let show = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Secret {
                key, field: None, ..
            } => format!("<{key}>"),
            Part::Secret {
                key,
                field: Some(field),
                ..
            } => format!("<{key}.{field}>"),
            Part::Variable { name, .. } => format!("<${name}>"),
        };
        template.parts.iter().map(show).collect()
    }

    #[test]
    fn secrets_are_filled_and_everything_else_stays() {
        for (text, result) in [
            ("", ""),
            (
                "no secret } }} { in it\r\n\n  ",
                "no secret } }} { in it\r\n\n  ",
            ),
            (
                "  \n {{ secret \"A\" }} \r\n\r\n{{secret 'B'}}\n",
                "  \n <A> \r\n\r\n<B>\n",
            ),
            (
                "{{ secret \"A\" \"F.\\u00e9\" }}{{{ secret \"A\" }}}",
                "<A.F.é><A>",
            ),
            ("a  {{~ secret \"A\" ~}} \n b", "a<A>b"),
            (
                "\\{{ secret \"A\" }} \\\\{{ secret \"A\" }}",
                "{{ secret \"A\" }} \\<A>",
            ),
            ("a{{! comment }}b", "ab"),
            ("{{ variable \"A\" }}", "<$A>"),
        ] {
            assert_eq!(filled(text), result, "{text}");
        }
    }

    #[test]
    fn everything_unknown_is_named_with_its_line() {
        let text = "{{ secret \"a-b\" }}\n{{ foo }}\n${{ secrets.X }}\n{{ sekret \"A\" }}{{ secret A }}\n{{ secret \"A\" \"B\" \"C\" }}\n{{ secret \"A\" x=1 }}\n{{#if x}}{{ secret \"A\" }}{{/if}}\n{{> part}}\n{{ secret }}";
        let problems = Template::parse(text).err().unwrap();
        let starts = [
            "line 1: the name of a secret has only",
            "line 2: `foo` is unknown",
            "line 3: `secrets.X` is unknown",
            "line 4: `sekret` is unknown",
            "line 4: `secret` takes one or two",
            "line 5: `secret` takes one or two",
            "line 6: `secret` takes no options",
            "line 7: `if` is unknown",
            "line 8: partials and decorators",
            "line 9: `secret` is unknown",
        ];
        for (problem, start) in problems.iter().zip(starts) {
            assert!(problem.starts_with(start), "{problem}");
        }
        assert_eq!(problems.len(), starts.len(), "{problems:?}");
        let problems = Template::parse("a\n{{ secret \"A }}").err().unwrap();
        assert!(problems[0].starts_with("line 2, column "), "{problems:?}");
    }

    proptest! {
        #[test]
        fn text_without_braces_is_never_changed(before in "[^{\\\\]{0,20}", after in "[^{\\\\]{0,20}") {
            let text = format!("{before}{{{{ secret \"A\" }}}}{after}");
            prop_assert_eq!(filled(&text), format!("{before}<A>{after}"));
            prop_assert_eq!(filled(&before), before);
        }
    }
}
