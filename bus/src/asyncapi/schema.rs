//! JSON Schema (draft 7, as AsyncAPI has it) of what the domain says of its fields.
use domain::published::{Field, Shape};
use serde_json::{Map, Value, json};

/// The schemas that have a name of their own.
#[derive(Default)]
pub(super) struct Schemas(Map<String, Value>);

impl Schemas {
    /// All of them, by name.
    pub(super) fn into_map(self) -> Map<String, Value> {
        self.0
    }

    /// Names a schema, and answers a reference to it.
    pub(super) fn name(&mut self, name: &str, schema: Value) -> Value {
        self.0.insert(name.to_owned(), schema);
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    /// An object of these fields, all of which are always there.
    pub(super) fn object(&mut self, fields: &[Field]) -> Value {
        let mut properties = Map::new();
        for field in fields {
            let schema = self.described(field.about, &field.shape);
            properties.insert(field.name.to_owned(), schema);
        }
        let required: Vec<_> = fields.iter().map(|field| field.name).collect();
        json!({ "type": "object", "properties": properties, "required": required })
    }

    fn described(&mut self, about: &str, shape: &Shape) -> Value {
        let mut schema = self.of(shape);
        if schema.get("$ref").is_some() {
            // What stands beside a reference is not read.
            schema = json!({ "allOf": [schema] });
        }
        schema["description"] = about.into();
        schema
    }

    fn of(&mut self, shape: &Shape) -> Value {
        match shape {
            Shape::Free => json!({ "type": "string" }),
            Shape::Flag => json!({ "type": "boolean" }),
            Shape::Count(max) => json!({ "type": "integer", "minimum": 0, "maximum": max }),
            Shape::Optional(inner) => json!({ "oneOf": [self.of(inner), { "type": "null" }] }),
            Shape::List(item) => json!({ "type": "array", "items": self.of(item) }),
            Shape::Text(text) => {
                let mut schema = json!({
                    "type": "string",
                    "description": format!("A {} {}.", text.name, text.about),
                    "pattern": text.pattern,
                    "maxLength": text.max,
                });
                if let Some(format) = text.format {
                    schema["format"] = format.into();
                }
                self.name(text.name, schema)
            }
            Shape::Choice(choice) => {
                let about = format!("A {} {}.", choice.name, choice.about);
                self.name(choice.name, json!({ "type": "string", "description": about, "enum": choice.words }))
            }
            Shape::Record(record) => {
                let mut schema = self.object(record.fields);
                schema["description"] = record.about.into();
                self.name(record.name, schema)
            }
        }
    }
}
