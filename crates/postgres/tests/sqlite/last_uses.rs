use futures::future::join_all;
use lemon_domain::{ports::Registrations, values::UserId};
use sea_orm::ConnectionTrait;

use super::{
    files::{folder, outsider, store},
    given::{everything::observed, learn_me},
};

/// On one thread, all questions are asked before the first statement is sent.
#[tokio::test]
async fn waiting_questions_are_asked_together_and_each_has_its_own_answer() {
    let (_folder, file) = folder();
    let (store, sent) = observed(format!("sqlite://{}", file.display())).await;
    let insert = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 600) \
        INSERT INTO uses (user_id, service, turn, window_start, cooldown_until, expires_at) \
        SELECT n, 'LEARNME', n, '2020-11-22 12:00:00+00:00', '2020-11-22 12:00:00+00:00', '2020-11-22 12:00:00+00:00' \
        FROM n WHERE n % 3 > 0";
    let db = outsider(&file).await;
    db.execute_unprepared("PRAGMA foreign_keys = OFF")
        .await
        .unwrap();
    db.execute_unprepared(insert).await.unwrap();
    let service = learn_me();
    let asked = (1..=600).map(|user| store.last_use(UserId::new(user), &service));
    for (user, answer) in (1..=600).zip(join_all(asked).await) {
        let turn = answer.unwrap().map(|last| last.turn);
        assert_eq!(turn, (user % 3 > 0).then_some(user), "{user}");
    }
    let sent = sent.lock().unwrap().len();
    assert!(sent <= 4, "600 questions in {sent} statements");
}

#[tokio::test]
async fn a_row_that_cannot_be_read_fails_only_the_call_of_its_person() {
    let (_folder, file) = folder();
    let store = store(&file).await;
    let db = outsider(&file).await;
    db.execute_unprepared("PRAGMA foreign_keys = OFF")
        .await
        .unwrap();
    let insert = "INSERT INTO uses (user_id, service, turn, window_start, cooldown_until, expires_at) VALUES \
        (1, 'LEARNME', 5000000000, '2020-11-22 12:00:00+00:00', '2020-11-22 12:00:00+00:00', '2020-11-22 12:00:00+00:00'), \
        (2, 'LEARNME', 1, '2020-11-22 12:00:00+00:00', '2020-11-22 12:00:00+00:00', '2020-11-22 12:00:00+00:00')";
    db.execute_unprepared(insert).await.unwrap();
    let service = learn_me();
    let (spoilt, well) = tokio::join!(
        store.last_use(UserId::new(1), &service),
        store.last_use(UserId::new(2), &service),
    );
    assert!(spoilt.is_err());
    assert_eq!(well.unwrap().unwrap().turn, 1);
}
