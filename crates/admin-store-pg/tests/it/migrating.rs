//! Tables and programs of different ages.

use std::thread;

use easemob_admin_store_pg::database::{Database, DatabaseCause};
use easemob_admin_store_pg::password::PasswordSource;
use easemob_admin_store_pg::schema::{self, ProgramVersion, SchemaRefusal};

use crate::cluster::TestDatabase;

const NO_PASSWORD: PasswordSource = PasswordSource::Nothing;

/// Everything that a migration writes, as text.
fn tables(database: &TestDatabase) -> Vec<String> {
    let columns = "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = \
                   'easemob_admin' ORDER BY 1";
    let mut tables = database.run(columns);
    if !tables.is_empty() {
        tables.extend(database.run("SELECT v::text FROM easemob_admin.schema_version v ORDER BY version"));
    }
    tables
}

/// Makes the tables newer than this program, for programs since `oldest`.
fn newer(database: &TestDatabase, oldest: &str) {
    let version = schema::needed() + 1;
    database.run(&format!(
        "INSERT INTO easemob_admin.schema_version VALUES ({version}, '{oldest}', '99.0.0')"
    ));
}

fn refusal(opened: Result<impl Sized, easemob_admin_store_pg::database::DatabaseError>) -> SchemaRefusal {
    match opened.map(drop).unwrap_err().cause {
        DatabaseCause::Schema(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn tables_are_made_by_a_migration_only() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    let address = database.address();
    let refused = refusal(Database::open(&address, &NO_PASSWORD));
    assert_eq!(refused, SchemaRefusal::NotMade);
    assert!(tables(&database).is_empty());

    assert_eq!(Database::migrate(&address, &NO_PASSWORD).unwrap().version, 0);
    Database::open(&address, &NO_PASSWORD).unwrap();
    let made = tables(&database);
    assert_eq!(
        Database::migrate(&address, &NO_PASSWORD).unwrap().version,
        schema::needed()
    );
    assert_eq!(tables(&database), made);
}

#[test]
fn a_program_that_is_too_old_changes_nothing() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    let address = database.address();
    Database::migrate(&address, &NO_PASSWORD).unwrap();
    newer(&database, "99.0.0");
    let before = tables(&database);
    let expected = SchemaRefusal::ProgramTooOld {
        found: schema::needed() + 1,
        oldest: "99.0.0".parse().unwrap(),
        program: ProgramVersion::this(),
    };
    assert_eq!(refusal(Database::open(&address, &NO_PASSWORD)), expected);
    assert_eq!(refusal(Database::migrate(&address, &NO_PASSWORD)), expected);
    assert!(expected.to_string().contains("Upgrade this program"));
    assert_eq!(tables(&database), before);
}

#[test]
fn newer_tables_that_still_work_with_this_program_are_used() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    let address = database.address();
    Database::migrate(&address, &NO_PASSWORD).unwrap();
    newer(&database, "0.2.0");
    let before = tables(&database);
    Database::open(&address, &NO_PASSWORD).unwrap();
    assert_eq!(
        Database::migrate(&address, &NO_PASSWORD).unwrap().version,
        schema::needed() + 1
    );
    assert_eq!(tables(&database), before);
}

#[test]
fn a_version_that_makes_no_sense_is_refused() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    let address = database.address();
    Database::migrate(&address, &NO_PASSWORD).unwrap();
    database.run("UPDATE easemob_admin.schema_version SET oldest_program = 'x'");
    assert_eq!(
        refusal(Database::open(&address, &NO_PASSWORD)),
        SchemaRefusal::Damaged
    );
    assert_eq!(
        refusal(Database::migrate(&address, &NO_PASSWORD)),
        SchemaRefusal::Damaged
    );
}

#[test]
fn a_migration_that_fails_leaves_nothing_behind() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    // In the way of the second table.
    database.run("CREATE SCHEMA easemob_admin");
    database.run("CREATE TABLE easemob_admin.lock (other TEXT)");
    let before = database.run("SELECT relname FROM pg_class ORDER BY 1");
    let failed = Database::migrate(&database.address(), &NO_PASSWORD).unwrap_err();
    assert!(matches!(failed.cause, DatabaseCause::Refused(_)), "{failed:?}");
    assert_eq!(database.run("SELECT relname FROM pg_class ORDER BY 1"), before);
}

#[test]
fn migrations_at_the_same_time_are_made_once() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    let address = database.address();
    let found: Vec<i32> = thread::scope(|scope| {
        let migrate = || Database::migrate(&address, &NO_PASSWORD).unwrap().version;
        let all: Vec<_> = (0..4).map(|_| scope.spawn(migrate)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(found.iter().filter(|found| **found == 0).count(), 1, "{found:?}");
    assert_eq!(
        database.run("SELECT count(*) FROM easemob_admin.schema_version"),
        [schema::needed().to_string()]
    );
}
