//! What stands on the disk, opened and brought up to date: the log, the keys, the engine and the read models.
use super::{log::Committed, snapshots::Snapshots};
use crate::settings::Settings;
use anyhow::Context;
use bus::{
    clock::{Entropy, SystemClock, SystemEntropy, time_ordered_id},
    engine::{self, Engine, Halt, Options, Recovery},
    keyring::{self, KeyRing, KeyRingError, Known, RingError},
    log::{Log, LogReader, OpenOptions},
    storage::{Files, Storage, sled::SledStorage},
};
use domain::{ClusterId, Limits, Position};
use projections::{Bounds, Feeder, Live, Past, Phase, Ports};
use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

/// Where the keys of a log are.
pub(super) struct KeyPlaces<'a> {
    pub(super) master: &'a Path,
    pub(super) files: &'a Arc<dyn Files>,
    pub(super) entropy: &'a Arc<dyn Entropy>,
    pub(super) log: &'a LogReader,
}

impl KeyPlaces<'_> {
    /// Why the keys can't be had; and, where they are lost, what can't be read without them, and what to do.
    fn explain(&self, error: RingError) -> anyhow::Error {
        if !error.is_loss() {
            return error.into();
        }
        let whose = Known::of_log(self.log).map_or_else(
            |error| format!("all users (how many, the log does not tell: {error})"),
            |known| whose(&known),
        );
        self.without(error, &whose)
    }

    /// What can't be read without the keys of these, and what to do.
    pub(super) fn without(&self, error: RingError, whose: &str) -> anyhow::Error {
        anyhow::Error::from(error).context(format!(
            "the server does not start without its keys: logins, identities, password hashes, addresses and reasons of {whose}, and the \
             secrets of the sign-in provider, are sealed under them. Restore the master key ({}) and `keyring` in the data folder \
             from one backup. If there is none, `dkube secrets abandon` makes new keys: all that is named here is unreadable then, \
             and everything else works",
            self.master.display()
        ))
    }
}

/// How many they are.
pub(super) fn whose(known: &Known) -> String {
    match known.users.len() {
        1 => "1 user".to_owned(),
        users => format!("{users} users"),
    }
}

/// Whether there is a cluster in the data folder: for what must not found one.
///
/// # Errors
/// There is none.
pub(super) fn founded(settings: &Settings) -> anyhow::Result<()> {
    let founded = settings.data.join(bus::log::CLUSTER).try_exists();
    anyhow::ensure!(
        founded.with_context(|| format!("cannot look into {}", settings.data.display()))?,
        "there is no cluster in the data folder {}",
        settings.data.display()
    );
    Ok(())
}

/// Why the keys of a log that holds nothing can't be had; and, where no key opens the ring, that it has nothing to lose. Whatever else
/// it is, a file's mode or the disk, is not mended by that.
fn begun(error: RingError, data: &Path, master: &Path) -> anyhow::Error {
    match error {
        RingError::Ring(KeyRingError::Closed) => anyhow::Error::from(error).context(format!(
            "nothing is recorded here yet: remove `keyring` from {}, and {}.next if it is there, and start anew",
            data.display(),
            master.display()
        )),
        error => error.into(),
    }
}

/// The parts that live as long as the server.
pub(crate) struct Opened {
    pub(crate) cluster: ClusterId,
    pub(crate) demonstration: bool,
    pub(crate) engine: Engine,
    pub(crate) committed: Committed,
    pub(crate) keyring: Arc<KeyRing>,
    pub(crate) live: Live,
    pub(crate) past: Past,
    feeder: Mutex<Option<Feeder>>,
}

impl Opened {
    /// Opens everything. Blocks.
    ///
    /// # Errors
    /// Something does not fit together, is damaged, or can't be reached: says what, where, and what to do.
    pub(crate) fn open(settings: &Settings) -> anyhow::Result<Self> {
        Self::open_with(settings, |_| Ok(())).map(|(opened, _)| opened)
    }

    /// As [`open`](Self::open), once this was done about the keys; none was, where the log holds nothing yet.
    ///
    /// # Errors
    /// As [`open`](Self::open), and those of what is done.
    pub(super) fn open_with<T>(
        settings: &Settings,
        about_keys: impl FnOnce(&KeyPlaces<'_>) -> anyhow::Result<T>,
    ) -> anyhow::Result<(Self, Option<T>)> {
        let clock = SystemClock;
        let entropy = Arc::new(SystemEntropy);
        let storage = data_lock(&settings.data)?;
        let files = storage.files();
        let open = OpenOptions {
            demonstration: settings.simulate.is_some(),
            ..OpenOptions::new(Some(time_ordered_id(bus::clock::Clock::now(&clock), &*entropy)))
        };
        let (writer, reader, recovered) = Log::open(Box::new(storage), &open)
            .with_context(|| format!("cannot open the log in {}", settings.data.display()))?;
        let empty = recovered.tip.size == 0;
        let random: Arc<dyn Entropy> = Arc::clone(&entropy) as _;
        let master = settings.master_key();
        let places = KeyPlaces { master: &master, files: &files, entropy: &random, log: &reader };
        let done = if empty { None } else { Some(about_keys(&places)?) };
        let unusable = |error| if empty { begun(error, &settings.data, &master) } else { places.explain(error) };
        let keyring = Arc::new(keyring::open(&master, &files, &random, empty).map_err(unusable)?);
        let committed = Committed::new(reader.clone(), Arc::clone(&keyring));
        let ports = Ports {
            events: Arc::new(committed.clone()),
            store: Arc::new(Snapshots(Arc::clone(&files))),
            vault: Arc::clone(&keyring) as _,
        };
        let snapshot = projections::saved(&ports, Position(recovered.tip.size));
        let start = snapshot.as_ref().map_or(Position::START, projections::State::position);
        if recovered.tip.size > start.0 {
            tracing::info!(from = start.0, to = recovered.tip.size, "reading the log");
        }
        let cluster = snapshot.map(|state| state.cluster().clone());
        let recovery = Recovery::from_log(&reader, &*files, &keyring, cluster, |position| {
            tracing::info!(position = position.0, of = recovered.tip.size, "reading the log");
        })?;
        let options = Options {
            limits: Limits {
                cordon_new_devices: settings.cordon_new_devices,
                license_required: settings.license_key.is_some(),
                ..Limits::default()
            },
            free_floor: settings.free_space_floor.0,
            ..Options::new(Arc::new(clock), entropy)
        };
        let engine = engine::start(writer, reader, Arc::clone(&keyring), recovery, options)
            .context("cannot start the engine's threads")?;
        let live = Live::new();
        let past = Past::new(live.clone(), ports.clone(), Bounds::default());
        let reading = projections::Settings { snapshot_every: settings.snapshot_every, ..Default::default() };
        let feeder = projections::start(live.clone(), ports, engine.watermark(), reading)
            .context("cannot start the read models' thread")?;
        let opened = Self {
            cluster: ClusterId(recovered.marker.cluster),
            demonstration: recovered.marker.demonstration,
            engine,
            committed,
            keyring,
            live,
            past,
            feeder: Mutex::new(Some(feeder)),
        };
        Ok((opened, done))
    }

    /// Waits until the read models show what the log holds, or stand still: before that, a token that was revoked would
    /// look valid, and one that was made, unknown.
    pub(crate) async fn caught_up(&self) {
        let end = *self.engine.watermark().borrow();
        let (mut phases, mut positions) = (self.live.phases(), self.live.positions());
        let ended = |phase: &Phase| matches!(phase, Phase::Stalled { .. } | Phase::Failed | Phase::Stopped);
        // Being live is not enough: what was read last may not be folded yet.
        while self.live.position() < end && !ended(&phases.borrow_and_update()) {
            // Who feeds them tells how it ends; there is nothing more to wait for then.
            let gone = tokio::select! {
                changed = phases.changed() => changed.is_err(),
                moved = positions.changed() => moved.is_err(),
            };
            if gone {
                return;
            }
        }
    }

    /// Takes no more commands, finishes those under way, saves the read models and closes the log.
    ///
    /// # Errors
    /// The log failed, before or now.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        self.past.close();
        let stopped = self.engine.stop().await;
        let feeder = self.feeder.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(feeder) = feeder {
            tokio::task::spawn_blocking(move || feeder.stop()).await?;
        }
        match stopped {
            Ok(()) => Ok(()),
            Err(Halt::Full(why)) => anyhow::bail!("the disk was full: {why}"),
            Err(Halt::Failed(why)) => anyhow::bail!("the log failed: {why}"),
        }
    }
}

/// The storage in a data folder, locked: made if it is not there.
///
/// # Errors
/// It can't be made, is in use, or is damaged.
pub(crate) fn data_lock(data: &Path) -> anyhow::Result<SledStorage> {
    let wider = private_folder(data).with_context(|| format!("cannot make the data folder {}", data.display()))?;
    if let Some(mode) = wider {
        let (folder, mode) = (data.display(), format!("{mode:o}"));
        tracing::warn!(%folder, mode, "others than its owner may look into the data folder: chmod 700 keeps them out");
    }
    SledStorage::open(data).with_context(|| format!("cannot open the data folder {}", data.display()))
}

/// Makes the folder for its owner alone, who then is the only one that comes to what is in it. Of one that was there already and
/// is open to others, the mode: that may be meant.
fn private_folder(path: &Path) -> io::Result<Option<u32>> {
    if let Some(above) = path.parent() {
        fs::create_dir_all(above)?;
    }
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let mode = fs::metadata(path)?.permissions().mode() & 0o777;
    Ok((mode & 0o077 != 0).then_some(mode))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Environment, Flags};
    use std::path::PathBuf;
    use tempfile::TempDir;

    const KEY: [u8; 64] = [b'5'; 64];

    /// A data folder in which a server was begun, and has recorded nothing.
    fn begun() -> (TempDir, Settings) {
        let place = tempfile::tempdir().unwrap();
        let variables = [("DKUBE_DATA", place.path().to_str().unwrap())];
        let settings = Settings::load(&Flags::default(), &Environment::of(variables)).unwrap();
        drop(data_lock(&settings.data).unwrap());
        (place, settings)
    }

    fn write(path: &Path, mode: u32, bytes: &[u8]) {
        fs::write(path, bytes).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[tokio::test]
    async fn a_ring_that_no_key_opens_has_nothing_to_lose_where_nothing_is_recorded() {
        for next in [false, true] {
            let (place, settings) = begun();
            let (ring, next_key) = (place.path().join("keyring"), place.path().join("master.key.next"));
            write(&settings.master_key(), 0o600, &KEY);
            write(&ring, 0o600, b"DKUBEKR1, and what no key opens, for longer than a nonce is");
            if next {
                write(&next_key, 0o600, &KEY);
            }
            let told = format!("{:#}", Opened::open(&settings).err().unwrap());
            assert!(told.contains("start anew") && told.contains(next_key.to_str().unwrap()), "{told}");
            // Both are needed, and enough.
            fs::remove_file(ring).unwrap();
            if next {
                assert!(Opened::open(&settings).is_err());
                fs::remove_file(next_key).unwrap();
            }
            Opened::open(&settings).unwrap().close().await.unwrap();
        }
    }

    #[test]
    fn what_else_keeps_the_keys_from_being_had_is_told_as_what_it_is() {
        type Spoil = fn(&Path);
        fn ring(key: &Path) -> PathBuf {
            key.with_file_name("keyring")
        }
        let cases: [(&str, Spoil); 5] = [
            ("make it 0600", |key| write(key, 0o644, &KEY)),
            ("is not 64 hexadecimal digits", |key| write(key, 0o600, b"no key")),
            ("cannot read the master key file", |key| {
                fs::create_dir(key).unwrap();
                fs::set_permissions(key, fs::Permissions::from_mode(0o700)).unwrap();
            }),
            ("upgrade", |key| {
                write(key, 0o600, &KEY);
                write(&ring(key), 0o600, b"DKUBEKR9");
            }),
            ("cannot read or write the key ring", |key| {
                write(key, 0o600, &KEY);
                fs::create_dir(ring(key)).unwrap();
            }),
        ];
        for (word, spoil) in cases {
            let (_place, settings) = begun();
            spoil(&settings.master_key());
            let told = format!("{:#}", Opened::open(&settings).err().unwrap());
            assert!(told.contains(word) && !told.contains("start anew"), "{word}: {told}");
        }
    }

    #[test]
    fn the_data_folder_is_its_owners_alone_and_one_that_is_wider_is_left_and_told_of() {
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("above/data");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(private_folder(&data).unwrap(), None);
        assert_eq!(mode(&data), 0o700);
        assert_ne!(mode(data.parent().unwrap()), 0o700, "what is above is not ours");
        assert_eq!(private_folder(&data).unwrap(), None, "there is nothing to say of it");
        fs::set_permissions(&data, fs::Permissions::from_mode(0o750)).unwrap();
        assert_eq!(private_folder(&data).unwrap(), Some(0o750));
        assert_eq!(mode(&data), 0o750);
        fs::write(place.path().join("file"), "").unwrap();
        assert!(data_lock(&place.path().join("file")).is_err());
    }
}
