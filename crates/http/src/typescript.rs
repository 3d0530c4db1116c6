//! The API for TypeScript, from the OpenAPI document.

use std::collections::BTreeMap;

use lemon_domain::values::Catalogue;
use serde_json::{Map, Value};

/// What a declaration file begins with.
const HEAD: &str = "\
// The bodies and calls of Lemon Toolbox, printed by `lemon-toolbox openapi --typescript`.
";

/// So many literals are on one line.
const FEW: usize = 4;

/// What comes before the calls.
const CALLS: &str = "\
/** Every call, by its method and path: the body that it takes, the body of its answer, and the codes of its problems. */
";

/// The TypeScript declarations of the API: an interface or type for each schema of its OpenAPI document, and `Calls`, which has
/// the body, the answer and the problems of each call. Answers may gain fields, and unknown fields of a body are ignored.
#[must_use]
pub fn typescript(catalogue: &Catalogue) -> String {
    // The port of the operations is in no declaration.
    let document = crate::openapi(catalogue, 0);
    // The document is JSON: it was just written.
    let document: Value = serde_json::from_str(&document).unwrap_or_default();
    let mut text = HEAD.to_owned();
    for (name, schema) in sorted(&document["components"]["schemas"]) {
        text.push('\n');
        text.push_str(&declaration(name, schema));
    }
    text.push('\n');
    text.push_str(CALLS);
    text.push_str("export interface Calls {\n");
    for (path, item) in sorted(&document["paths"]) {
        if path.starts_with("/api/") {
            for (method, operation) in sorted(item) {
                text.push_str(&call(method, path, operation));
            }
        }
    }
    text.push_str("}\n");
    text
}

/// The members of an object by their names: whether a map keeps its order depends on what else is built.
fn sorted(object: &Value) -> BTreeMap<&String, &Value> {
    object.as_object().into_iter().flatten().collect()
}

fn declaration(name: &str, schema: &Value) -> String {
    let comment = comment(schema, "");
    if schema.get("properties").is_some() {
        format!("{comment}export interface {name} {}\n", members(schema, ""))
    } else {
        format!("{comment}export type {name} = {};\n", of(schema, ""))
    }
}

/// An entry of `Calls`.
fn call(method: &str, path: &str, operation: &Value) -> String {
    let responses = sorted(&operation["responses"]);
    let answer = responses
        .iter()
        .find(|(status, _)| status.starts_with('2'))
        .map_or("null".to_owned(), |(_, answer)| content(answer));
    let mut problems: Vec<_> = responses
        .values()
        .filter_map(|answer| answer.pointer("/content/application~1problem+json/examples"))
        .flat_map(sorted)
        .map(|(code, _)| format!("\"{code}\""))
        .collect();
    problems.sort_unstable();
    let entry = format!(
        "  \"{} {path}\": {{\n    body: {};\n    answer: {answer};\n    problem: {};\n  }};\n",
        method.to_uppercase(),
        content(&operation["requestBody"]),
        literals(&problems, "    "),
    );
    let summary = operation["summary"].as_str().unwrap_or_default();
    format!("  /** {summary} */\n{entry}")
}

/// The type of a JSON body, or `null` if there is none.
fn content(carrier: &Value) -> String {
    carrier
        .pointer("/content/application~1json/schema")
        .map_or("null".to_owned(), |schema| of(schema, "    "))
}

/// The type of a schema.
fn of(schema: &Value, indent: &str) -> String {
    let union = |schemas: &Vec<Value>| {
        let types: Vec<_> = schemas.iter().map(|schema| of(schema, indent)).collect();
        types.join(" | ")
    };
    if let Some(reference) = schema["$ref"].as_str() {
        return reference.rsplit('/').next().unwrap_or_default().to_owned();
    }
    if let Some(values) = schema["enum"].as_array() {
        return literals(
            &values.iter().map(Value::to_string).collect::<Vec<_>>(),
            indent,
        );
    }
    if let Some(schemas) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
        return union(schemas);
    }
    match &schema["type"] {
        Value::Array(types) => {
            let of_each = |kind: &Value| {
                let mut one = schema.as_object().cloned().unwrap_or_else(Map::new);
                one.insert("type".to_owned(), kind.clone());
                Value::Object(one)
            };
            union(&types.iter().map(of_each).collect())
        }
        Value::String(kind) => match kind.as_str() {
            "integer" | "number" => "number".to_owned(),
            "array" => format!("Array<{}>", of(&schema["items"], indent)),
            "object" if schema.get("properties").is_some() => members(schema, indent),
            "object" => "Record<string, unknown>".to_owned(),
            // A string, boolean or null.
            kind => kind.to_owned(),
        },
        _ => "unknown".to_owned(),
    }
}

/// A union of literals; a long one takes a line for each.
fn literals(literals: &[String], indent: &str) -> String {
    if literals.len() <= FEW {
        return literals.join(" | ");
    }
    literals.join(&format!("\n{indent}  | "))
}

/// The fields of an object, each with its description.
fn members(schema: &Value, indent: &str) -> String {
    let required = schema["required"].as_array();
    let inner = format!("{indent}  ");
    let fields = sorted(&schema["properties"])
        .into_iter()
        .map(|(name, field)| {
            let is_required = required.is_some_and(|names| names.iter().any(|one| one == name));
            let mark = if is_required { "" } else { "?" };
            let (comment, of_field) = (comment(field, &inner), of(field, &inner));
            format!("{comment}{inner}{name}{mark}: {of_field};\n")
        });
    format!("{{\n{}{indent}}}", fields.collect::<String>())
}

/// The description of a schema as a comment.
fn comment(schema: &Value, indent: &str) -> String {
    let Some(description) = schema["description"].as_str() else {
        return String::new();
    };
    if !description.contains('\n') {
        return format!("{indent}/** {description} */\n");
    }
    let lines = description.lines().map(|line| {
        let line = format!("{indent} * {line}");
        line.trim_end().to_owned() + "\n"
    });
    format!("{indent}/**\n{}{indent} */\n", lines.collect::<String>())
}
