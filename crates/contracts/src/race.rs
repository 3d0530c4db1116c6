use std::sync::Arc;

use tokio::sync::Barrier;

/// Starts `n` tasks at one instant; returns their answers, in their order.
pub async fn race<F, R>(n: usize, run: F) -> Vec<R::Output>
where
    F: Fn(usize) -> R,
    R: Future<Output: Send> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(n));
    let tasks: Vec<_> = (0..n)
        .map(|i| {
            let (barrier, run) = (Arc::clone(&barrier), run(i));
            tokio::spawn(async move {
                barrier.wait().await;
                run.await
            })
        })
        .collect();
    let mut answers = Vec::with_capacity(n);
    for task in tasks {
        answers.push(task.await.expect("a racing task panicked"));
    }
    answers
}
