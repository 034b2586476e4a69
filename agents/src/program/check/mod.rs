//! `dkube-agent --check`: whether an agent of these settings could do its work here.
//!
//! It changes nothing, so that an agent which runs is not disturbed, and says all within a bounded time. Only a driver that
//! hangs in the kernel may keep its process from ending after the last line.
mod server;

use super::{Arguments, ProgramError, Settings, print, system};
use crate::{
    queue::OnDisk,
    source::{Unreadable, host::Host, kernel_log, nvml::Trial},
};
use bus::clock::{Clock, SystemClock};
use rustix::{
    fs::{Access, access},
    io::Errno,
};
use std::{error::Error, io, path::Path, sync::Arc, time::Duration};

/// So long, the driver and the NATS server are waited for, each.
const LIMIT: Duration = Duration::from_secs(5);

/// What was found: how it is; or what is wrong, and what to do.
type Found = Result<Note, String>;

/// How something is that is not wrong.
enum Note {
    Good(String),
    /// An agent could do its work, and something else is worth knowing.
    Doubt(String),
}

/// Prints a line for each thing that an agent needs.
pub(super) fn run(arguments: Arguments) -> Result<(), ProgramError> {
    let settings = Settings::load(arguments);
    let mut sound = tell(
        "settings",
        &settings.as_ref().map(|_| Note::Good("can be used".to_owned())).map_err(|error| chain(error)),
    )?;
    if let Ok(settings) = &settings {
        sound &= tell("health policy", &policy(settings))?;
        sound &= tell(
            "node",
            &super::node(settings).map(|node| Note::Good(node.to_string())).map_err(|error| chain(&error)),
        )?;
        sound &= tell("host", &host(&settings.host_root))?;
        sound &= tell("driver", &driver(settings))?;
        sound &= tell("kernel log", &kernel_log(settings))?;
        sound &= tell("state", &state(&settings.state))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        sound &= runtime.map_err(system("start the async runtime"))?.block_on(bus(settings))?;
    }
    if sound { Ok(()) } else { Err(ProgramError::Check) }
}

async fn bus(settings: &Settings) -> Result<bool, ProgramError> {
    let connected = server::connect(settings).await;
    let takes = |_: &_| Note::Good(format!("{} takes this node's connection", settings.nats.url));
    let sound = tell("nats", &connected.as_ref().map(takes).map_err(String::clone))?;
    let Ok((node, nats)) = connected else { return Ok(sound) };
    Ok(sound & tell("server", &server::listens(settings, &node, &nats).await)?)
}

fn tell(what: &str, found: &Found) -> Result<bool, ProgramError> {
    let (word, text) = match found {
        Ok(Note::Good(text)) => ("ok", text),
        Ok(Note::Doubt(text)) => ("note", text),
        Err(text) => ("wrong", text),
    };
    print(&format!("{word:<5} {what}: {text}\n"))?;
    Ok(found.is_ok())
}

fn policy(settings: &Settings) -> Found {
    let policy = super::policy(settings).map_err(|error| chain(&error))?;
    let from = settings.policy.as_deref().map_or("built in".to_owned(), |path| path.display().to_string());
    Ok(Note::Good(format!("version {}, {from}", policy.name())))
}

/// Whether the host's files are there: without its kernel's no boot is known from another.
fn host(root: &Path) -> Found {
    let shown = root.display();
    let (boot, _) = Host::new(root.to_owned(), "".into()).boot();
    if boot.is_empty() {
        let missing = root.join("proc/sys/kernel/random/boot_id");
        return Err(format!(
            "{} can't be read: say with --host-root where the host's files are, of which the agent reads proc, etc/passwd \
             and usr/lib/os-release",
            missing.display()
        ));
    }
    if !root.join("etc/passwd").is_file() {
        return Ok(Note::Doubt(format!(
            "{shown} has no etc/passwd: processes are shown without the names of their users"
        )));
    }
    Ok(Note::Good(format!("boot {boot}, below {shown}")))
}

fn driver(settings: &Settings) -> Found {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let libraries = super::nvml(settings, &clock).libraries;
    let wrong = |why: Unreadable| {
        let remedy = match why {
            Unreadable::NoLibrary => "install the driver, or say with --nvml-library where libnvidia-ml.so.1 is",
            Unreadable::NotLoaded => "load the kernel module nvidia",
            Unreadable::VersionMismatch => "restart the host, so that the kernel has the driver that is installed",
            Unreadable::Hung | Unreadable::Failed(_) => "see whether nvidia-smi answers; if not, restart the host",
        };
        format!("{why}: {remedy}")
    };
    let Trial { library, driver, devices } = Trial::of(libraries, LIMIT).map_err(wrong)?;
    let driver = driver.as_deref().unwrap_or("of unknown version");
    Ok(Note::Good(format!("{driver}, {devices} GPUs, by {}", library.display())))
}

fn kernel_log(settings: &Settings) -> Found {
    let Some(path) = &settings.kernel_log else {
        return Ok(Note::Good("not read: XIDs come from NVML alone".to_owned()));
    };
    let shown = path.display();
    match kernel_log::try_read(path) {
        Ok(()) => Ok(Note::Good(format!("{shown} can be read"))),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(format!("{shown} can't be read ({error}): run the agent as root, or with the capability CAP_SYSLOG"))
        }
        Err(error) => Err(format!("{shown} can't be read ({error}): say with --kernel-log where it is, or \"none\"")),
    }
}

/// Whether the agent can keep its state in this folder, or make the folder.
fn state(folder: &Path) -> Found {
    let shown = folder.display();
    for place in folder.ancestors() {
        let place = if place.as_os_str().is_empty() { Path::new(".") } else { place };
        match access(place, Access::WRITE_OK | Access::EXEC_OK) {
            Ok(()) if !place.is_dir() => break,
            Ok(()) if place == folder => return used(folder),
            Ok(()) => return Ok(Note::Good(format!("{shown} can be made, at the first start"))),
            Err(Errno::NOENT) => {}
            Err(error) => {
                let error = io::Error::from(error);
                let place = place.display();
                return Err(format!(
                    "{place} can't be written ({error}): give it to the agent's user, or say --state FOLDER"
                ));
            }
        }
    }
    Err(format!("{shown} is no folder: say --state FOLDER"))
}

/// Whether an agent has this folder, which can be written.
fn used(folder: &Path) -> Found {
    let shown = folder.display();
    match OnDisk::is_in_use(folder) {
        Ok(false) => Ok(Note::Good(format!("{shown} can be written"))),
        Ok(true) => Ok(Note::Doubt(format!(
            "{shown} can be written, and an agent has it: another can't be started with it before that one ends"
        ))),
        Err(error) => Err(format!(
            "{shown} is no folder for this agent's user ({error}): give it what is in it, or say --state FOLDER"
        )),
    }
}

/// The error with what is behind it, on one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let behind = error.to_string();
        // Some errors of others tell their cause themselves.
        if !text.ends_with(&behind) {
            text = format!("{text}: {behind}");
        }
        cause = error.source();
    }
    text.trim_end().replace('\n', " ")
}
