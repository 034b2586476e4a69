//! How a job is named on the command line: by its id, or, as git has it, by the beginning of one.
use super::{
    args::Read,
    beginning::{self, SHORTEST},
    call::Call,
    context::Context,
    error::CliError,
    page,
};
use domain::{IdError, JobId};
use std::str::FromStr;

/// A job as somebody names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    /// By its whole id.
    Whole(JobId),
    /// By the beginning of its id: only an active job is found so.
    Beginning(String),
}

impl FromStr for Named {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Whole(id));
        }
        let beginning = beginning::parse(text).map(Self::Beginning);
        beginning.ok_or_else(|| format!("{IdError}, or its first {SHORTEST} or more"))
    }
}

impl Named {
    /// The id, among the jobs that were active at the moment that is looked at.
    ///
    /// # Errors
    /// No job's id begins so, or several do.
    pub(super) async fn id(self, context: &Context<'_>, read: &Read) -> Result<String, CliError> {
        let beginning = match self {
            Self::Whole(id) => return Ok(id.to_string()),
            Self::Beginning(text) => text,
        };
        let jobs = page::gather(&context.client, read.apply(Call::get(["jobs"])), "items", None).await?;
        let ids = jobs.items.iter().filter_map(|job| Some((job["id"].as_str()?, job["name"].as_str()?)));
        let none =
            format!("no active job's id begins with {beginning}; one that has finished is found by its whole id");
        beginning::only(&beginning, &none, "jobs", ids)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_named_by_its_id_or_the_beginning_of_it() {
        let id = "0199c0de-0000-7000-8000-000000008000";
        assert_eq!(id.parse(), Ok(Named::Whole(id.parse().unwrap())));
        assert_eq!("0199C0DE-0".parse(), Ok(Named::Beginning("0199c0de-0".to_owned())));
        for bad in ["", "019", "train", "0199c0de-0000-7000-8000-00000000800g"] {
            let error = bad.parse::<Named>().unwrap_err();
            assert!(error.starts_with("an id is a UUID, as "), "{error}");
        }
    }
}
