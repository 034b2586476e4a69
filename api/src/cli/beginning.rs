//! Ids by their beginning, as git has it.
use super::error::CliError;

/// The shortest beginning, in characters.
pub(super) const SHORTEST: usize = 4;
/// The most things that are named where a beginning is not enough.
pub(super) const CANDIDATES: usize = 10;

/// The beginning of a UUID that this text is, in lower case.
pub(super) fn parse(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let begins = (SHORTEST..36).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    begins.then_some(text)
}

/// The only id that begins so, among these, each with what else is known of its thing.
///
/// # Errors
/// No id begins so: then it says that `none` does; or those of several `things` do.
pub(super) fn only<'a>(
    beginning: &str,
    none: &str,
    things: &str,
    ids: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<String, CliError> {
    let found: Vec<_> = ids.filter(|(id, _)| id.starts_with(beginning)).collect();
    match found.as_slice() {
        [(id, _)] => Ok((*id).to_owned()),
        [] => Err(CliError::Usage(none.to_owned())),
        several => {
            let named = several.iter().take(CANDIDATES).map(|(id, name)| format!("\n  {id} ({name})"));
            let more = if several.len() > CANDIDATES { "\n  … and more" } else { "" };
            let named = named.collect::<String>();
            Err(CliError::Usage(format!(
                "several {things} have ids that begin with {beginning}: give more of it{named}{more}"
            )))
        }
    }
}
