use std::{borrow::Borrow, collections::HashMap, hash::Hash, time::Duration};

use aws_sdk_sqs::types::QueueAttributeName as Name;
use lemon_domain::{ports::Depth, values::QueueName};
use serde_json::{Value, json};

use crate::{
    config::whole_seconds,
    connection::{Connection, dead_letter_queue},
    error::SqsFault,
    settings::SqsQueueSettings,
};

/// Attributes of a queue:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attributes(HashMap<Name, String>);

/// The dead-letter queue of a queue, and the number of receives before a message goes there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redrive {
    arn: String,
    pub(crate) max_receives: u32,
}

impl Redrive {
    /// Reads a policy; SQS accepts and returns the number as a number or as a string.
    fn parse(policy: &str) -> Option<Self> {
        let policy: Value = serde_json::from_str(policy).ok()?;
        let receives = &policy["maxReceiveCount"];
        let receives = match receives.as_str() {
            Some(text) => text.parse().ok(),
            None => receives.as_u64(),
        };
        Some(Self {
            arn: policy["deadLetterTargetArn"].as_str()?.to_owned(),
            max_receives: u32::try_from(receives?).ok()?,
        })
    }

    /// The name of the dead-letter queue.
    pub(crate) fn queue(&self) -> &str {
        self.arn.rsplit(':').next().unwrap_or_default()
    }
}

/// The attributes of a queue by its settings; its dead-letter queue has this ARN.
pub(crate) fn wanted(settings: &SqsQueueSettings, dead: &str) -> Attributes {
    let policy = json!({
        "deadLetterTargetArn": dead,
        "maxReceiveCount": settings.max_receives.to_string(),
    });
    let mut wanted = wanted_of_dead(settings);
    wanted.0.insert(
        Name::VisibilityTimeout,
        whole_seconds(settings.visibility).to_string(),
    );
    wanted.0.insert(Name::RedrivePolicy, policy.to_string());
    wanted
}

/// The attributes of a dead-letter queue by the settings.
pub(crate) fn wanted_of_dead(settings: &SqsQueueSettings) -> Attributes {
    let retention = settings.retention.as_secs().to_string();
    Attributes([(Name::MessageRetentionPeriod, retention)].into())
}

impl Attributes {
    pub(crate) async fn of(connection: &Connection, queue: &QueueName) -> Result<Self, SqsFault> {
        let until = connection.until();
        let address = connection.address(queue, until).await?;
        let call = connection
            .client
            .get_queue_attributes()
            .queue_url(&*address)
            .attribute_names(Name::All);
        let answer = connection
            .call(queue, until, || call.clone().send())
            .await?;
        Ok(Self(answer.attributes.unwrap_or_default()))
    }

    pub(crate) async fn create(
        &self,
        connection: &Connection,
        queue: &QueueName,
    ) -> Result<(), SqsFault> {
        let call = connection
            .client
            .create_queue()
            .queue_name(queue.as_str())
            .set_attributes(Some(self.0.clone()));
        let until = connection.until();
        connection
            .call(queue, until, || call.clone().send())
            .await
            .map(drop)
    }

    pub(crate) async fn set(
        &self,
        connection: &Connection,
        queue: &QueueName,
    ) -> Result<(), SqsFault> {
        let until = connection.until();
        let address = connection.address(queue, until).await?;
        let call = connection
            .client
            .set_queue_attributes()
            .queue_url(&*address)
            .set_attributes(Some(self.0.clone()));
        connection
            .call(queue, until, || call.clone().send())
            .await
            .map(drop)
    }

    /// The attributes that are different or missing there.
    pub(crate) fn differing_from(&self, there: &Self) -> Self {
        let differs = |(name, value): &(&Name, &String)| match there.0.get(name) {
            Some(is) if **name == Name::RedrivePolicy => {
                Redrive::parse(is) != Redrive::parse(value)
            }
            Some(is) => is != *value,
            None => true,
        };
        let differing = self.0.iter().filter(differs);
        Self(
            differing
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        )
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn arn(&self) -> Result<String, SqsFault> {
        let arn = self.0.get(&Name::QueueArn);
        arn.cloned().ok_or(SqsFault::Answer("QueueArn"))
    }

    pub(crate) fn redrive(&self) -> Option<Redrive> {
        Redrive::parse(self.0.get(&Name::RedrivePolicy)?)
    }

    /// Tells whether the server does not say what any of these attributes is there. AWS leaves out a redrive policy if
    /// there is none, and nothing else; other servers leave out more.
    pub(crate) fn is_left_out_of(&self, there: &Self) -> bool {
        let is_left_out = |name: &Name| *name != Name::RedrivePolicy && !there.0.contains_key(name);
        self.0.keys().all(is_left_out)
    }

    pub(crate) fn visibility(&self) -> Option<Duration> {
        self.number(&Name::VisibilityTimeout)
            .map(Duration::from_secs)
    }

    pub(crate) fn retention(&self) -> Option<Duration> {
        self.number(&Name::MessageRetentionPeriod)
            .map(Duration::from_secs)
    }

    /// The number of messages that can be received now.
    pub(crate) fn waiting(&self) -> Option<u64> {
        self.number(&Name::ApproximateNumberOfMessages)
    }

    /// The number of messages that cannot be received yet. A server that leaves out the delayed ones has none.
    pub(crate) fn in_flight(&self) -> Option<u64> {
        let held = self.number(&Name::ApproximateNumberOfMessagesNotVisible)?;
        let delayed = self.number(&Name::ApproximateNumberOfMessagesDelayed);
        Some(held + delayed.unwrap_or(0))
    }

    /// The number of all messages.
    pub(crate) fn all_messages(&self) -> Option<u64> {
        Some(self.waiting()? + self.in_flight()?)
    }

    fn number(&self, name: &Name) -> Option<u64> {
        count(Some(&self.0), name)
    }

    /// The number of messages that can be received now, and of those that cannot yet, where both are needed.
    fn messages(&self) -> Result<(u64, u64), SqsFault> {
        let waiting = self.waiting();
        let in_flight = self.in_flight();
        Ok((
            waiting.ok_or(SqsFault::Answer("ApproximateNumberOfMessages"))?,
            in_flight.ok_or(SqsFault::Answer("ApproximateNumberOfMessagesNotVisible"))?,
        ))
    }
}

/// The depth of a queue; a queue without a dead-letter queue has 0 dead letters.
pub(crate) async fn depth(connection: &Connection, queue: &QueueName) -> Result<Depth, SqsFault> {
    let dead = async {
        let Ok(dead_letters) = dead_letter_queue(queue) else {
            return Ok(0);
        };
        match Attributes::of(connection, &dead_letters).await {
            Ok(attributes) => attributes.messages().map(|(waiting, held)| waiting + held),
            Err(SqsFault::NoSuchQueue(_)) => Ok(0),
            Err(fault) => Err(fault),
        }
    };
    let (attributes, dead) =
        tokio::join!(Box::pin(Attributes::of(connection, queue)), Box::pin(dead));
    let (waiting, in_flight) = attributes?.messages()?;
    Ok(Depth {
        waiting,
        in_flight,
        dead: dead?,
    })
}

/// The number under a name.
pub(crate) fn count<K: Eq + Hash + Borrow<K>>(
    attributes: Option<&HashMap<K, String>>,
    name: &K,
) -> Option<u64> {
    attributes?.get(name)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_compared_by_their_content() {
        let wanted = wanted(
            &SqsQueueSettings::default(),
            "arn:aws:sqs:eu-west-1:1:Jobs-dlq",
        );
        let mut there = wanted.clone();
        let policy =
            r#"{ "maxReceiveCount": 5, "deadLetterTargetArn":"arn:aws:sqs:eu-west-1:1:Jobs-dlq"}"#;
        there.0.insert(Name::RedrivePolicy, policy.to_owned());
        there.0.insert(Name::DelaySeconds, "0".to_owned());
        assert!(wanted.differing_from(&there).is_empty());
        assert_eq!(there.redrive().unwrap().queue(), "Jobs-dlq");
        there
            .0
            .insert(Name::RedrivePolicy, policy.replace('5', "6"));
        there.0.remove(&Name::VisibilityTimeout);
        let differing = wanted.differing_from(&there).0;
        assert_eq!(differing.len(), 2);
        assert_eq!(differing[&Name::VisibilityTimeout], "30");
    }

    #[test]
    fn only_a_redrive_policy_is_known_to_be_missing_when_it_is_left_out() {
        let left_out = |there: &[Name], wanted: &[Name]| {
            let attributes = |names: &[Name]| {
                let values = names.iter().map(|name| (name.clone(), "1".to_owned()));
                Attributes(values.collect())
            };
            attributes(wanted).is_left_out_of(&attributes(there))
        };
        let (retention, visibility) = (Name::MessageRetentionPeriod, Name::VisibilityTimeout);
        let wanted = [retention.clone(), visibility.clone()];
        assert!(left_out(&[], &wanted));
        assert!(!left_out(&[retention], &wanted));
        assert!(!left_out(&[visibility], &[Name::RedrivePolicy]));
    }
}
