//! Whose a process is, from `/proc`.
use super::{Owner, host};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};
use uuid::Uuid;

/// Tells processes' owners below a root: `/`, or the folder where a container has the host's files. Process numbers have
/// to be those of the same table, so a container needs the host's (`hostPID`).
#[derive(Debug)]
pub struct Owners {
    root: PathBuf,
    /// What is known of those that were asked about since the last [`forget`](Self::forget), and before it.
    known: BTreeMap<(u32, u64), Owner>,
    asked: BTreeMap<(u32, u64), Owner>,
}

impl Owners {
    /// The owners of this root's processes.
    pub const fn new(root: PathBuf) -> Self {
        Self { root, known: BTreeMap::new(), asked: BTreeMap::new() }
    }

    /// When the process started (`/proc/<pid>/stat`, field 22, in clock ticks since boot), and whose it is. None if it is
    /// not there, or no more.
    pub fn of(&mut self, pid: u32) -> Option<(u64, Owner)> {
        let started = started(&host::read(&self.root, &format!("proc/{pid}/stat"))?)?;
        let key = (pid, started);
        let owner = match self.known.get(&key).or_else(|| self.asked.get(&key)) {
            Some(owner) => owner.clone(),
            None => self.find(pid),
        };
        self.asked.insert(key, owner.clone());
        Some((started, owner))
    }

    /// Forgets those that nobody asked about since the last time.
    pub fn forget(&mut self) {
        self.known = std::mem::take(&mut self.asked);
    }

    fn find(&self, pid: u32) -> Owner {
        let cgroup = host::read(&self.root, &format!("proc/{pid}/cgroup")).unwrap_or_default();
        if let Some(pod) = pod(&cgroup) {
            return Owner::Pod(pod);
        }
        let status = host::read(&self.root, &format!("proc/{pid}/status")).unwrap_or_default();
        let name = user(&status).and_then(|id| name(&host::read(&self.root, "etc/passwd")?, id));
        name.map_or(Owner::Unknown, Owner::User)
    }
}

/// Field 22 of `/proc/<pid>/stat`. The second, the name, may hold spaces and brackets: fields are counted from its end.
fn started(stat: &str) -> Option<u64> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// The pod's UID in a path of `/proc/<pid>/cgroup`: `…/pod4f1c0a9e-8d4b-…/…` under the driver cgroupfs, and
/// `…-pod4f1c0a9e_8d4b_….slice/…` under systemd's.
fn pod(cgroup: &str) -> Option<Uuid> {
    const UUID: usize = 36;
    let paths = cgroup.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    paths
        .flat_map(|path| path.split('/'))
        .filter(|part| part.starts_with("pod") || part.starts_with("kubepods"))
        .find_map(|part| {
            let part = part.strip_suffix(".slice").unwrap_or(part);
            let at = part.len().checked_sub(UUID)?;
            let (before, uid) = part.split_at_checked(at)?;
            (before == "pod" || before.ends_with("-pod")).then(|| Uuid::try_parse(&uid.replace('_', "-")).ok())?
        })
}

/// The real user's number: the first of `Uid:` in `/proc/<pid>/status`.
fn user(status: &str) -> Option<u32> {
    status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_whitespace().next()?.parse().ok()
}

/// The name of this user's number in passwd(5), of at most 64 bytes.
fn name(passwd: &str, id: u32) -> Option<Arc<str>> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(id) && !name.is_empty() && name.len() <= 64).then(|| Arc::from(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const UID: &str = "4f1c0a9e-8d4b-4c1f-8a3b-2f3a5d6e7b8c";

    #[test]
    fn a_pod_is_known_under_both_drivers_of_control_groups() {
        let uid = Some(Uuid::try_parse(UID).unwrap());
        let snake = UID.replace('-', "_");
        for path in [
            format!("0::/kubepods/burstable/pod{UID}/3f9a"),
            format!("12:devices:/kubepods/pod{UID}/3f9a\n0::/\n"),
            format!(
                "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{snake}.slice/cri-containerd-3f.scope"
            ),
            format!("0::/kubepods.slice/kubepods-pod{snake}.slice/crio-3f.scope"),
            format!("0::/kubelet.slice/kubelet-kubepods.slice/../kubepods-besteffort-pod{snake}.slice/x"),
        ] {
            assert_eq!(pod(&path), uid, "{path}");
        }
        for path in
            ["0::/user.slice/user-1000.slice/session-3.scope", "0::/kubepods/podx", "0::/", "", "0::/kubepods.slice"]
        {
            assert_eq!(pod(path), None, "{path}");
        }
        assert_eq!(pod(&format!("0::/podman/not-a-pod/tripod{UID}")), None);
    }

    #[test]
    fn a_process_has_a_start_and_a_user() {
        let stat = "77 (a) b (c)) S 1 77 77 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 123456 9 9";
        assert_eq!(started(stat), Some(123_456));
        assert_eq!(user("Name:\tx\nUid:\t1000\t1000\t1000\t1000\n"), Some(1000));
        assert_eq!(
            name("root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n", 1000).as_deref(),
            Some("ada")
        );
        assert_eq!(name("ada:x:1000:1000::/home/ada:/bin/sh\n", 1001), None);
    }

    #[test]
    fn the_own_process_is_found() {
        let mut owners = Owners::new(PathBuf::from("/"));
        let (started, _) = owners.of(std::process::id()).unwrap();
        assert!(started > 0);
        assert_eq!(owners.of(u32::MAX), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_a_panic(text in ".*", part in ".*") {
            let _ = (started(&text), pod(&text), user(&text), name(&text, 0));
            let _ = pod(&format!("0::/kubepods-pod{part}"));
        }
    }
}
