//! An export of the audit trail: passed on as it comes, whole or not at all.
use super::{call::Call, client::Streamed, context::Context, error::CliError};
use clap::ValueEnum;
use reqwest::header::{ACCEPT, HeaderValue};
use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
    time::Duration,
};

/// How long the server may take for the next bit.
const IDLE: Duration = Duration::from_mins(1);

/// The form of an export.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Form {
    /// A line of JSON for each event
    Ndjson,
    /// A table
    Csv,
}

impl Form {
    const fn media_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv",
        }
    }
}

/// Exports what that call gives.
pub(super) async fn run(context: &mut Context<'_>, call: Call, form: Form, to: Option<&Path>) -> Result<(), CliError> {
    if let Some(path) = to.filter(|path| path.exists()) {
        return Err(CliError::Usage(format!("{} exists already", path.display())));
    }
    let call = call.header(ACCEPT, HeaderValue::from_static(form.media_type()));
    let mut stream = context.client.open(&call, IDLE).await?;
    if !stream.is(form.media_type()) {
        return Err(anyhow::anyhow!("the server does not export as {}", form.media_type()).into());
    }
    let Some(path) = to else {
        while let Some(bytes) = stream.chunk().await? {
            context.console.raw(&bytes)?;
        }
        return Ok(context.console.flush()?);
    };
    // Under another name until it is whole, so that half an export is never taken for one.
    let mut draft = path.as_os_str().to_owned();
    draft.push(".part");
    let draft = Path::new(&draft);
    let written = save(&mut stream, draft).await;
    let failed = |error| CliError::failed(format!("write {}", path.display()), error);
    let written = written.and_then(|written| fs::rename(draft, path).map(|()| written).map_err(failed));
    if written.is_err() && fs::remove_file(draft).is_err() {
        context.console.note(&format!("warning: {} is left over, and is not whole", draft.display()))?;
    }
    let written = written?;
    Ok(context.console.note(&format!("{written} bytes in {}", path.display()))?)
}

async fn save(stream: &mut Streamed, path: &Path) -> Result<usize, CliError> {
    let failed = |error| CliError::failed(format!("write {}", path.display()), error);
    let mut file = BufWriter::new(File::create(path).map_err(failed)?);
    let mut written = 0;
    while let Some(bytes) = stream.chunk().await? {
        file.write_all(&bytes).map_err(failed)?;
        written += bytes.len();
    }
    file.into_inner().map_err(|error| failed(error.into_error()))?.sync_all().map_err(failed)?;
    Ok(written)
}
