//! A cluster survives being written as a whole.
use crate::{
    harness::World,
    words::{
        H100, cordon, create_group, create_pool, delete_users, erase, issue, lose, observe, onboard, raise, report,
        retire, seen, set_password, start, suspend, w,
    },
};
use domain::{
    Cluster, Login,
    device::{DeviceId, Severity},
    node::Seen,
    stored::{DecodeError, Owner, VaultError, testing::TestVault},
    token::Scope,
};
use uuid::Uuid;

/// Written, read and written again, it is the same.
#[track_caller]
pub(crate) fn assert_survives(cluster: &Cluster) {
    let vault = TestVault::new();
    let bytes = cluster.to_snapshot(&vault).expect("a cluster can be written");
    let read = Cluster::from_snapshot(&bytes, &vault).expect("and read");
    assert_eq!(&read, cluster);
    assert_eq!(read.to_snapshot(&vault).expect("and written"), bytes);
}

/// With something of everything.
fn world() -> World {
    let mut world = World::with_fleet();
    world.given(create_pool("vision", &[1, 2]));
    world.given(create_group("research", &[], Some("vision")));
    world.given(onboard(&["ada", "bob"], Some("research")));
    world.given(onboard(&["gone", "lost"], None));
    world.given(set_password("ada"));
    world.given(suspend("bob", true));
    world.given(delete_users(&["gone"]));
    let lost = world.id("lost");
    world.given(delete_users(&["lost"]));
    world.given(erase(lost));
    world.given(issue("ci", Scope::Metrics, 7));
    world.given(start("ada", 1));
    world.given(observe("process/node-b/1", Some(world.id("ada")), &[5, 6, 99]));
    world.given(observe("process/node-b/2", None, &[5]));
    world.given(raise("node-b", 7, "gpu.lost", Severity::Fatal));
    world.given(cordon(8, true));
    world.given(retire(10, true));
    world.given(report("node-a", vec![seen(1, 1, H100), seen(2, 2, H100), seen(3, 33, H100)]));
    world.given(lose("node-b"));
    world
}

#[test]
fn a_cluster_survives_being_written() {
    assert_survives(&world().cluster);
    assert_survives(&Cluster::default());
}

#[test]
fn what_follows_goes_on_as_if_nothing_had_been() {
    let mut one = world();
    let vault = TestVault::new();
    let mut other = one.clone();
    other.cluster = Cluster::from_snapshot(&one.cluster.to_snapshot(&vault).expect("written"), &vault).expect("read");
    for command in [start("operator", 1), retire(33, true), create_pool("speech", &[9])] {
        assert_eq!(one.when(command.clone()).result, other.when(command).result);
    }
    assert_eq!(one.cluster, other.cluster);
}

#[test]
fn ten_thousand_devices_are_small() {
    let mut world = World::founded();
    for node in 0..1_250_u32 {
        let device = |nth: u8| Seen {
            device: DeviceId::from_uuid(Uuid::from_u128(u128::from(node * 8 + u32::from(nth)))),
            ..seen(nth, 0, H100)
        };
        record(&mut world, &format!("node-{node}"), (0..8).map(device).collect());
    }
    crate::invariants::check(&world.cluster);
    let vault = TestVault::new();
    let bytes = world.cluster.to_snapshot(&vault).expect("a cluster can be written");
    let read = Cluster::from_snapshot(&bytes, &vault).expect("and read");
    assert_eq!(read, world.cluster);
    assert!(bytes.len() < 10_000 * 150, "{} bytes", bytes.len());
}

/// As [`World::when`], without the checks after every step that look at the whole fleet.
fn record(world: &mut World, node: &str, devices: Vec<Seen>) {
    use domain::{CommandId, Context, Principal, Stamp, decide, evolve};
    let command = CommandId::from_uuid(Uuid::from_u128(u128::from(world.position().0) << 16 | 1 << 100));
    let asker = Principal::SYSTEM;
    let context = Context { now: world.now, command, asker: &asker, has_reason: false, limits: &world.limits };
    for event in decide(&world.cluster, &report(node, devices), &context).expect("a report") {
        let at = Stamp { position: world.position().next(), recorded_at: world.now };
        evolve(&mut world.cluster, at, &event);
    }
}

#[test]
fn logins_and_hashes_are_sealed_and_erased_with_their_key() {
    let world = world();
    let vault = TestVault::new();
    let bytes = world.cluster.to_snapshot(&vault).expect("a cluster can be written");
    for clear in [&b"operator"[..], b"argon2id"] {
        assert!(!bytes.windows(clear.len()).any(|window| window == clear), "it stands there in clear");
    }
    let (ada, gone) = (world.id("ada"), TestVault::new());
    gone.erase(ada);
    let read = Cluster::from_snapshot(&bytes, &gone).expect("an erased user can be read");
    let user = read.user(ada).expect("the user is there");
    assert_eq!((&user.login, &user.password), (&Login::erased(ada), &None));
    assert_eq!(read.user_by_login(&w("ada")), None);
    // And written again, without a new key.
    let again = read.to_snapshot(&gone).expect("an erased user can be written");
    assert_eq!(Cluster::from_snapshot(&again, &TestVault::new()), Ok(read));
    let lost = TestVault::new();
    lost.lose(Owner::User(ada));
    let missing = DecodeError::Vault(VaultError::KeyMissing(Owner::User(ada)));
    assert_eq!(Cluster::from_snapshot(&bytes, &lost), Err(missing));
}

#[test]
fn no_nonce_serves_two_texts() {
    // The vault refuses a second text under one owner, id and field: other passwords, other stamps.
    let mut world = world();
    let vault = TestVault::new();
    for _ in 0..3 {
        world.cluster.to_snapshot(&vault).expect("the same state twice");
        world.cluster.to_snapshot(&vault).expect("the same state twice");
        world.given(cordon(8, false)).given(cordon(8, true));
    }
    // A log that was restored and went on differently comes to the same position with another text.
    let mut other = world.clone();
    other.now = other.now.plus_seconds(100);
    let hash = domain::user::PasswordHash::new("another");
    other.given(domain::Command::User(domain::user::Command::SetPassword { login: w("ada"), hash }));
    world.given(set_password("ada"));
    assert_eq!(world.position(), other.position());
    world.cluster.to_snapshot(&vault).expect("one history");
    other.cluster.to_snapshot(&vault).expect("the other history");
}

#[test]
fn what_another_fold_made_or_is_damaged_is_refused() {
    let vault = TestVault::new();
    let bytes = world().cluster.to_snapshot(&vault).expect("a cluster can be written");
    for length in 0..bytes.len() {
        assert!(Cluster::from_snapshot(&bytes[..length], &vault).is_err());
    }
    assert!(Cluster::from_snapshot(&[&bytes[..], &[0]].concat(), &vault).is_err());
    let mut other = bytes.clone();
    other[0] ^= 1;
    assert_eq!(Cluster::from_snapshot(&other, &vault), Err(DecodeError::OtherFold));
    // Any other byte: an error or another cluster, and no panic.
    for at in 12..bytes.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            let _ = Cluster::from_snapshot(&bytes, &vault);
        }
    }
}
