//! What a browser reads of a page: its forms, and where it sends on.
//!
//! Enough for the pages of the product and of the counterparts that tests sign in with; no scripts, no nesting.

/// A form with what is in its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form {
    /// As it stands in the page; empty where the form is sent to the page itself.
    pub(super) action: String,
    pub(super) post: bool,
    /// Names and values that are sent as they are.
    fields: Vec<(String, String)>,
    /// Buttons: their names and values, sent if they are pressed.
    buttons: Vec<(String, String)>,
}

impl Form {
    /// Whether it has a field or a button of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.iter().chain(&self.buttons).any(|(known, _)| known == name)
    }

    /// What is sent once these were filled in or pressed.
    pub(super) fn filled(&self, values: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut sent = self.fields.clone();
        for (name, value) in values {
            match sent.iter_mut().find(|(known, _)| known == name) {
                Some((_, old)) => (*value).clone_into(old),
                None => sent.push(((*name).to_owned(), (*value).to_owned())),
            }
        }
        sent
    }
}

#[derive(Debug)]
struct Tag {
    /// In small letters; `/form` for the end of a form.
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn get(&self, attribute: &str) -> Option<&str> {
        self.attributes.iter().find(|(name, _)| name == attribute).map(|(_, value)| value.as_str())
    }

    fn named(&self) -> Option<(String, String)> {
        let name = self.get("name").filter(|name| !name.is_empty())?;
        Some((name.to_owned(), self.get("value").unwrap_or_default().to_owned()))
    }
}

/// The forms of a page, in its order.
pub(super) fn forms(page: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = vec![];
    let mut inside = false;
    for tag in tags(page) {
        match (tag.name.as_str(), forms.last_mut().filter(|_| inside)) {
            ("form", _) => {
                let post = tag.get("method").is_some_and(|method| method.eq_ignore_ascii_case("post"));
                let action = tag.get("action").unwrap_or_default().to_owned();
                forms.push(Form { action, post, fields: vec![], buttons: vec![] });
                inside = true;
            }
            ("/form", _) => inside = false,
            ("input", Some(form)) => {
                let kind = tag.get("type").unwrap_or("text").to_ascii_lowercase();
                let into = match kind.as_str() {
                    "submit" => &mut form.buttons,
                    "checkbox" | "radio" if tag.get("checked").is_none() => continue,
                    _ => &mut form.fields,
                };
                into.extend(tag.named());
            }
            ("button", Some(form)) => form.buttons.extend(tag.named()),
            _ => {}
        }
    }
    forms
}

/// Where the page sends a browser on by itself: its `<meta http-equiv="refresh">`.
pub(super) fn refresh(page: &str) -> Option<String> {
    let refresh =
        |tag: &Tag| tag.name == "meta" && tag.get("http-equiv").is_some_and(|is| is.eq_ignore_ascii_case("refresh"));
    let tag = tags(page).into_iter().find(refresh)?;
    let (_, url) = tag.get("content")?.split_once(';')?;
    let url = url.trim_start();
    let url = if url.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("url=")) { &url[4..] } else { url };
    Some(url.trim_matches(['\'', '"']).to_owned())
}

fn tags(page: &str) -> Vec<Tag> {
    let mut tags = vec![];
    let mut rest = page;
    while let Some((_, tag)) = rest.split_once('<') {
        if let Some(comment) = tag.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
            continue;
        }
        let end = tag.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(tag.len());
        let (name, after) = tag.split_at(end);
        let (attributes, after) = attributes(after);
        tags.push(Tag { name: name.to_ascii_lowercase(), attributes });
        rest = after;
    }
    tags
}

/// The attributes of a tag, and what comes after the tag.
fn attributes(mut rest: &str) -> (Vec<(String, String)>, &str) {
    let mut found = vec![];
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        let end = rest.find(|c: char| c.is_whitespace() || ['=', '>', '/'].contains(&c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if name.is_empty() {
            return (found, after.get(1..).unwrap_or_default());
        }
        let (value, after) = match after.strip_prefix('=') {
            Some(value) => quoted(value),
            None => ("", after),
        };
        found.push((name.to_ascii_lowercase(), plain(value)));
        rest = after;
    }
}

/// The value that an attribute begins with, and what comes after it.
fn quoted(value: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(value) = value.strip_prefix(quote) {
            return value.split_once(quote).unwrap_or((value, ""));
        }
    }
    value.split_at(value.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(value.len()))
}

fn plain(value: &str) -> String {
    let escapes = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&amp;", "&"),
    ];
    escapes.iter().fold(value.to_owned(), |value, (escape, character)| value.replace(escape, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_as_a_browser_reads_it() {
        let page = r#"<!-- <form action="/old"> --><input name="outside">
            <FORM method=POST action='/in?a=1&amp;b=2'><input type="hidden" name="csrf" value="&lt;&quot;&#x27;x">
            <input name=login required/><input type="checkbox" name="no"><input type="checkbox" name="yes" value="1" checked>
            <button name="cancel" value="1">Cancel</button></FORM><form></form>"#;
        let [first, second] = &forms(page)[..] else { panic!("two forms") };
        assert_eq!((first.action.as_str(), first.post), ("/in?a=1&b=2", true));
        assert!(["csrf", "login", "cancel"].iter().all(|name| first.has(name)) && !first.has("outside"));
        let sent = first.filled(&[("login", "octocat")]);
        let sent: Vec<_> = sent.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(sent, [("csrf", "<\"'x"), ("login", "octocat"), ("yes", "1")]);
        assert_eq!((second.action.as_str(), second.post), ("", false));
        assert_eq!(refresh(r#"<meta http-equiv="Refresh" content="0; URL='/next'">"#).as_deref(), Some("/next"));
    }
}
