//! `dkube-agent --check`: whether an agent of these settings could do its work here.
//!
//! It changes nothing and takes no lock, so that an agent which runs is not disturbed, and says all within a bounded time. Only
//! a driver that hangs in the kernel may keep its process from ending after the last line.
use super::{Arguments, ProgramError, Settings, print, system};
use crate::source::{Unreadable, kernel_log, nvml::Trial};
use bus::{
    bus::{Bus, Connection, Nats},
    clock::{Clock, SystemClock},
};
use rustix::{
    fs::{Access, access},
    io::Errno,
};
use std::{error::Error, io, path::Path, sync::Arc, time::Duration};

/// So long, the driver and the NATS server are waited for, each.
const LIMIT: Duration = Duration::from_secs(5);

/// What was found: how it is; or what is wrong, and what to do.
type Found = Result<String, String>;

/// Prints a line for each thing that an agent needs.
pub(super) fn run(arguments: Arguments) -> Result<(), ProgramError> {
    let settings = Settings::load(arguments);
    let mut sound =
        tell("settings", &settings.as_ref().map(|_| "can be used".to_owned()).map_err(|error| chain(error)))?;
    if let Ok(settings) = &settings {
        sound &= tell("health policy", &policy(settings))?;
        sound &= tell("node", &super::node(settings).map(|node| node.to_string()).map_err(|error| chain(&error)))?;
        sound &= tell("driver", &driver(settings))?;
        sound &= tell("kernel log", &kernel_log(settings))?;
        sound &= tell("state", &state(&settings.state))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let found = runtime.map_err(system("start the async runtime"))?.block_on(nats(settings));
        sound &= tell("nats", &found)?;
    }
    if sound { Ok(()) } else { Err(ProgramError::Check) }
}

fn tell(what: &str, found: &Found) -> Result<bool, ProgramError> {
    let (word, text) = match found {
        Ok(text) => ("ok", text),
        Err(text) => ("wrong", text),
    };
    print(&format!("{word:<5} {what}: {text}\n"))?;
    Ok(found.is_ok())
}

fn policy(settings: &Settings) -> Found {
    let policy = super::policy(settings).map_err(|error| chain(&error))?;
    let from = settings.policy.as_deref().map_or("built in".to_owned(), |path| path.display().to_string());
    Ok(format!("version {}, {from}", policy.name()))
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
    Ok(format!("{driver}, {devices} GPUs, by {}", library.display()))
}

fn kernel_log(settings: &Settings) -> Found {
    let Some(path) = &settings.kernel_log else { return Ok("not read: XIDs come from NVML alone".to_owned()) };
    let shown = path.display();
    match kernel_log::try_read(path) {
        Ok(()) => Ok(format!("{shown} can be read")),
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
            Ok(()) if place == folder => return Ok(format!("{shown} can be written")),
            Ok(()) => return Ok(format!("{shown} can be made, at the first start")),
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

async fn nats(settings: &Settings) -> Found {
    let node = super::node(settings).map_err(|_| "not tried: the node has no name".to_owned())?;
    let url = &settings.nats.url;
    let bus = Nats::connect(&super::nats(settings, &node)).await.map_err(|error| chain(&error))?;
    let bus = Bus::Nats(bus);
    let mut connection = bus.connection();
    if tokio::time::timeout(LIMIT, connection.wait_for(Connection::is_up)).await.is_ok_and(|up| up.is_ok()) {
        return Ok(format!("{url} takes this node's connection"));
    }
    let cause = match &*connection.borrow() {
        Connection::Down(Some(cause)) => cause.clone(),
        Connection::Down(None) | Connection::Up => format!("no answer in {} s", LIMIT.as_secs()),
    };
    Err(format!(
        "{url} can't be connected to ({cause}): see that it runs, is let through to, and knows these credentials"
    ))
}

/// The error with what is behind it, on one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text.trim_end().replace('\n', " ")
}
