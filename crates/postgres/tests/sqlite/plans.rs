//! Proof that no statement reads a whole table: each that a store sends is observed and explained.

use super::{
    files::{folder, outsider},
    given::everything::{explained, observed, steps},
};

/// What SQLite reads that is no table.
const NO_TABLES: [&str; 3] = [
    "SCAN due",
    "SCAN CONSTANT ROW",
    "SCAN asked VIRTUAL TABLE INDEX 1:",
];

#[tokio::test]
async fn no_statement_reads_a_whole_table() {
    let (_folder, file) = folder();
    let (store, sent) = observed(format!("sqlite://{}", file.display())).await;
    let db = outsider(&file).await;
    for statement in explained(&store, &sent, "EXPLAIN QUERY PLAN ").await {
        for step in steps(&db, statement.clone(), "detail").await {
            let whole = step.starts_with("SCAN") && !NO_TABLES.contains(&step.as_str());
            // The only groups are those of a bounded stretch of seats, and the only ties trainings of one moment.
            let few = ["FOR GROUP BY", "FOR LAST TERM OF ORDER BY"];
            let sorts =
                step.contains("TEMP B-TREE") && !few.iter().any(|part| step.ends_with(part));
            assert!(!whole && !sorts, "{step}: {statement}");
        }
    }
}
