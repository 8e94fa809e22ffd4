//! Data directories and token files that cannot be used.

use rv_base::TenantId;
use rv_fleet::{Actor, Role};
use rv_server::auth::{AuthError, AuthTable, Denied, add_token};
use rv_server::data_dir::{DataDir, DataDirError, store_path};
use rv_server::store::StoreError;

use crate::support::TempDir;

#[test]
fn a_second_process_is_kept_out() {
    let dir = TempDir::new();
    let first = DataDir::open(dir.path()).unwrap();
    let error = DataDir::open(dir.path()).unwrap_err();
    assert!(matches!(error, DataDirError::Locked(_)), "{error}");
    drop(first);
    DataDir::open(dir.path()).unwrap();
}

#[test]
fn a_directory_that_cannot_be_used_says_why() {
    let dir = TempDir::new();
    let file = dir.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let error = DataDir::open(&file.join("below")).unwrap_err();
    assert!(matches!(error, DataDirError::Unwritable { .. }), "{error}");
    let data = DataDir::open(dir.path()).unwrap();
    std::fs::write(store_path(dir.path()), vec![1; 4096]).unwrap();
    let error = data.store().unwrap_err();
    let is_corrupt = matches!(&error, DataDirError::Store { source: StoreError::Corrupt(_), .. });
    assert!(is_corrupt && error.hint().contains("ledger verify"), "{error}");
}

#[test]
fn tokens_are_kept_as_hashes_for_their_owner_only() {
    let dir = TempDir::new();
    let path = dir.path().join("tokens.toml");
    let viewer = Actor { role: Role::Viewer, tenant: None };
    let a = add_token(&path, "screen", viewer).unwrap();
    let b = add_token(&path, "shop", Actor::tenant(TenantId(1))).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains(&a) && !text.contains(&b));
    let table = AuthTable::load(&path).unwrap();
    assert_eq!(table.check(Some(&a)).unwrap().actor, viewer);
    assert_eq!(table.check(Some(&b)).unwrap().name, "shop");
    assert_eq!(table.check(Some("else")).unwrap_err(), Denied::Unknown);
    assert_eq!(table.check(None).unwrap_err(), Denied::Unknown);

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |mode| std::fs::Permissions::from_mode(mode);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, mode(0o644)).unwrap();
        assert!(matches!(AuthTable::load(&path), Err(AuthError::Exposed(_))));
        std::fs::set_permissions(&path, mode(0o600)).unwrap();
    }
    for wrong in [
        "[[token]]\nname='a'\nrole='admin'\nsha256='00'",
        "[[token]]\nname='a'\nrole='king'\nsha256='00'",
        "[[tokens]]",
    ] {
        std::fs::write(&path, wrong).unwrap();
        assert!(matches!(AuthTable::load(&path), Err(AuthError::Malformed { .. })), "{wrong}");
    }
}
