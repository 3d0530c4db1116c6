//! How many scripts it takes to set a segment right.

use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use lemon_contracts::restore;
use lemon_domain::ports::{QuotaCounter, RecordedSegment};
use lemon_redis::RedisQuotaCounter;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
};

use crate::common::{Redis, at, daily, place, recorded, used};

/// Passes on what is said to a server, and writes it down.
struct Ear(Arc<Mutex<Vec<u8>>>);

impl Ear {
    /// It, and where it is.
    async fn at(server: (String, u16)) -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        let heard = Arc::default();
        let ear = Self(Arc::clone(&heard));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (mut said, mut answers) = client.into_split();
                let server = TcpStream::connect(&server).await.unwrap();
                let (mut from_server, mut to_server) = server.into_split();
                tokio::spawn(async move { copy(&mut from_server, &mut answers).await });
                let heard = Arc::clone(&heard);
                tokio::spawn(async move {
                    let mut bytes = [0; 4096];
                    while let Ok(read @ 1..) = said.read(&mut bytes).await {
                        heard.lock().unwrap().extend(&bytes[..read]);
                        to_server.write_all(&bytes[..read]).await.unwrap();
                    }
                });
            }
        });
        (ear, url)
    }

    /// The scripts that were called since the last time.
    fn scripts(&self) -> usize {
        let heard = std::mem::take(&mut *self.0.lock().unwrap());
        let name = b"EVALSHA";
        heard.windows(name.len()).filter(|at| at == name).count()
    }
}

#[tokio::test]
async fn a_segment_costs_a_script_for_each_part_up_to_its_last_seat() {
    let redis = Redis::get().await;
    let (ear, url) = Ear::at(redis.server.address()).await;
    let config = redis.config_at(&url);
    let counter = RedisQuotaCounter::connect(&config).await.unwrap();
    let daily = daily(1000);
    restore(&counter, &daily.key, &[], at()).await.unwrap();
    let few: Vec<_> = (1..=10).map(place).collect();
    let many: Vec<_> = few.iter().cloned().chain([place(300)]).collect();
    // The last seat is the record's, then only the counter's, then gone.
    for (places, scripts) in [(&few, 1), (&many, 3), (&few, 3), (&few, 1)] {
        ear.scripts();
        let record = RecordedSegment {
            as_of: at() + TimeDelta::seconds(1),
            ..recorded(&daily, places)
        };
        assert!(counter.restore(&record).await.unwrap());
        assert_eq!(ear.scripts(), scripts);
        let count = u32::try_from(places.len()).unwrap();
        assert_eq!(used(&counter, &daily).await, Some(count));
    }
}
