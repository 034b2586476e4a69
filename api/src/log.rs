//! The log as a whole: checked, saved and restored while no server runs on it.
//!
//! Each function gives a report: one JSON object, which the command line shows as named lines or as it is.
use crate::serve::data_lock;
use anyhow::{Context, ensure};
use bus::{
    log::{self, Log, LogReader, OpenOptions, Tip},
    merkle::hex,
    storage::{Files, Storage},
};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Write},
    path::Path,
};

/// Checks every block, checksum, position and the Merkle root of the log in this data folder.
///
/// # Errors
/// Where the log can't be read, or is not sound: says what was found, and where.
pub fn verify(data: &Path, progress: &ProgressBar) -> anyhow::Result<Value> {
    let reader = open(data)?;
    show(progress, "verifying");
    let report = log::verify(&reader, |done, all| {
        progress.set_length(all);
        progress.set_position(done);
    })?;
    let mut shown = described(&report.tip);
    shown["cluster"] = json!(report.marker.cluster);
    shown["demonstration"] = json!(report.marker.demonstration);
    shown["blocks"] = json!(report.blocks);
    shown["records"] = json!(report.records);
    shown["stored_bytes"] = json!(report.stored_bytes);
    shown["sound"] = json!(true);
    Ok(shown)
}

/// Writes all events of the log in this data folder as lines of JSON: to that file, else to standard output.
///
/// # Errors
/// Where the log can't be read, or the file can't be written.
pub fn export(data: &Path, to: Option<&Path>, progress: &ProgressBar) -> anyhow::Result<Value> {
    let reader = open(data)?;
    show(progress, "exporting");
    let told = |done, all| {
        progress.set_length(all);
        progress.set_position(done);
    };
    let tip = match to {
        None => log::export(&reader, BufWriter::new(io::stdout().lock()), told)?,
        Some(path) => {
            let file = File::create_new(path).with_context(|| format!("cannot make {}", path.display()))?;
            let mut to = BufWriter::new(file);
            let tip = log::export(&reader, &mut to, told)?;
            to.flush()?;
            to.get_ref().sync_all()?;
            tip
        }
    };
    Ok(described(&tip))
}

/// Reads what [`export`] wrote into an empty data folder: from that file, else from standard input.
///
/// # Errors
/// Where the folder is not empty, or what is read is not such an export, whole.
pub fn import(data: &Path, from: Option<&Path>, progress: &ProgressBar) -> anyhow::Result<Value> {
    let storage = data_lock(data)?;
    show(progress, "importing");
    let told = |done| progress.set_position(done);
    let tip = match from {
        None => log::import(Box::new(storage), io::stdin().lock(), told)?,
        Some(path) => {
            let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
            log::import(Box::new(storage), BufReader::new(file), told)?
        }
    };
    let mut shown = described(&tip);
    shown["next"] =
        json!("put the files `keyring` and `master.key` of the old data folder beside the log, then start the server");
    Ok(shown)
}

/// A log that is there, of whichever sort.
fn open(data: &Path) -> anyhow::Result<LogReader> {
    ensure!(data.is_dir(), "there is no data folder {}", data.display());
    let storage = data_lock(data)?;
    let files = storage.files();
    let demonstration = is_demonstration(&*files)?;
    let options = OpenOptions { demonstration, epoch: u32::MAX, ..OpenOptions::new(None) };
    let (_, reader, _) =
        Log::open(Box::new(storage), &options).with_context(|| format!("cannot open the log in {}", data.display()))?;
    Ok(reader)
}

fn is_demonstration(files: &dyn Files) -> anyhow::Result<bool> {
    Ok(log::Marker::read(files)?.is_some_and(|marker| marker.demonstration))
}

fn described(tip: &Tip) -> Value {
    json!({"events": tip.size, "commits": tip.commit, "root": hex(&tip.root)})
}

fn show(progress: &ProgressBar, what: &'static str) {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} commits, {eta} left");
    progress.set_style(style.expect("the template is sound"));
    progress.set_message(what);
}
