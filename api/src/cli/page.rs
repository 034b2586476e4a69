//! Lists: page after page until the end, or until there are as many as were asked for.
use super::{
    call::Call,
    client::{Client, Reply},
    error::CliError,
};
use serde_json::{Map, Value, json};

/// The most items that one page may have.
const PAGE_MAX: usize = 1000;
/// The most items that are gathered.
const ITEMS_MAX: usize = 1_000_000;
/// The most pages that are asked for: a page may hold little, or nothing, and still lead to a next one.
const PAGES_MAX: usize = 100_000;

/// What a list came to.
#[derive(Debug)]
pub(super) struct Listed {
    /// The items.
    pub(super) items: Vec<Value>,
    /// Where to go on, if there is more.
    pub(super) next: Option<String>,
    /// The position that the first page was true at.
    pub(super) position: Value,
    /// What else the first page says, by field.
    pub(super) beside: Map<String, Value>,
}

impl Listed {
    /// One document of the same form as a page.
    pub(super) fn document(self, field: &str) -> Value {
        json!({field: self.items, "next": self.next, "position": self.position})
    }
}

/// Gathers the items of `field` over all pages, at most `limit` of them.
pub(super) async fn gather(client: &Client, call: Call, field: &str, limit: Option<usize>) -> Result<Listed, CliError> {
    let mut listed = Listed { items: vec![], next: None, position: Value::Null, beside: Map::new() };
    for _ in 0..PAGES_MAX {
        let room = limit.unwrap_or(ITEMS_MAX) - listed.items.len();
        let mut page = call.clone().query("limit", &room.min(PAGE_MAX));
        if let Some(after) = &listed.next {
            page = page.query_instead("after", after);
        }
        let Reply { mut body, .. } = client.send(&page).await?;
        let Value::Array(items) = body[field].take() else {
            return Err(anyhow::anyhow!("the server's list has no {field}").into());
        };
        let next = body["next"].as_str().map(str::to_owned);
        if listed.position.is_null() {
            listed.position = body["position"].take();
            if let Value::Object(mut beside) = body {
                beside.retain(|name, _| ![field, "next", "position"].contains(&&**name));
                listed.beside = beside;
            }
        }
        // A page that leads to itself would be asked for for ever.
        if next.is_some() && next == listed.next {
            return Err(anyhow::anyhow!("the server's list goes in circles").into());
        }
        listed.items.extend(items);
        listed.next = next;
        let enough = limit.is_some_and(|limit| listed.items.len() >= limit);
        if listed.next.is_none() || enough {
            return Ok(listed);
        }
        if listed.items.len() >= ITEMS_MAX {
            return Err(CliError::Usage(format!("there are more than {ITEMS_MAX} items: use --limit or a filter")));
        }
    }
    Err(anyhow::anyhow!("the server's list has more than {PAGES_MAX} pages").into())
}
