//! What the account of a worker may do. The account that owns the tables migrates them, and no program works with it.
//!
//! A worker adds to the trail and to the records of runs, and can neither change nor remove what is there.

use tokio_postgres::Client;

use crate::schema::SchemaFailure;

/// The tables, and what is allowed beside reading.
const RIGHTS: &[(&str, &str)] = &[
    ("schema_version", ""),
    ("store", ""),
    ("lock_place", "INSERT, UPDATE"),
    ("lock", "INSERT, UPDATE, DELETE"),
    ("lease", "INSERT, UPDATE, DELETE"),
    ("budget", "INSERT, UPDATE"),
    ("budget_worker", "INSERT, UPDATE, DELETE"),
    ("run", "INSERT, UPDATE"),
    ("run_item", "INSERT, UPDATE (state)"),
    ("run_record", "INSERT"),
    // A view.
    ("trail_part", ""),
    // The row of a trail is its end, which moves on.
    ("trail", "INSERT, UPDATE"),
    ("trail_line", "INSERT"),
    ("trail_signer", "INSERT"),
    ("trail_head", "INSERT"),
    ("trail_archive", "INSERT"),
    ("login_place", "INSERT, UPDATE"),
    ("login_snapshot", "INSERT, UPDATE, DELETE"),
    ("login_snapshot_device", "INSERT, UPDATE, DELETE"),
    ("login_not_known", "INSERT, UPDATE, DELETE"),
    ("login_device", "INSERT, UPDATE, DELETE"),
    ("login_event", "INSERT, UPDATE, DELETE"),
    ("login_gap", "INSERT, UPDATE, DELETE"),
    ("login_asked_again", "INSERT, UPDATE, DELETE"),
    ("login_watch", "INSERT, UPDATE, DELETE"),
    ("login_user", "INSERT, UPDATE, DELETE"),
    ("login_shape", "INSERT, UPDATE, DELETE"),
    ("document", "INSERT, UPDATE, DELETE"),
];

/// Allows a role to do the work, and nothing else.
pub(crate) async fn allow(client: &mut Client, role: &str) -> Result<(), SchemaFailure> {
    let role = format!("\"{}\"", role.replace('"', "\"\""));
    let schema = format!(
        "REVOKE ALL ON ALL TABLES IN SCHEMA easemob_admin FROM {role}; GRANT USAGE ON SCHEMA easemob_admin TO {role}; \
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA easemob_admin TO {role}"
    );
    let tables = RIGHTS.iter().map(|(table, rights)| {
        let beside_reading = if rights.is_empty() { "" } else { ", " };
        format!("GRANT SELECT{beside_reading}{rights} ON easemob_admin.{table} TO {role}")
    });
    let grants: Vec<String> = std::iter::once(schema).chain(tables).collect();
    let transaction = client.transaction().await?;
    transaction.batch_execute(&grants.join("; ")).await?;
    transaction.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::MIGRATIONS;

    #[test]
    fn every_table_has_its_rights() {
        let made = MIGRATIONS.iter().flat_map(|step| step.sql.lines());
        let made = made.filter_map(|line| {
            let what = line.strip_prefix("CREATE ")?;
            let name = what.strip_prefix("TABLE ").or_else(|| what.strip_prefix("VIEW "));
            name?.strip_prefix("easemob_admin.")
        });
        let mut made: Vec<&str> = made.filter_map(|line| line.split(' ').next()).collect();
        made.push("schema_version");
        // Whoever may use the lines may use them through the table only, and not its parts.
        made.retain(|table| *table != "trail_line_rest");
        made.sort_unstable();
        made.dedup();
        let mut known: Vec<&str> = RIGHTS.iter().map(|(table, _)| *table).collect();
        known.sort_unstable();
        assert_eq!(known, made);
    }
}
