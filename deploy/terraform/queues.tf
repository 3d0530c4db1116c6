# The queues as `lemon-toolbox queues create` makes them, under the names that the workers know.

locals {
  queues = toset([
    "TweetGetRequestQueue",
    "ServiceReadyQueue",
    "TweetNotificationQueue",
    "LearnMeTrainDataDeleteRequestQueue",
  ])

  # Who sends to which queue, and who receives from it.
  to_the_workers = toset([
    "TweetGetRequestQueue",
    "TweetNotificationQueue",
    "LearnMeTrainDataDeleteRequestQueue",
  ])
  to_the_program = toset(["ServiceReadyQueue"])
}

resource "aws_sqs_queue" "queue" {
  for_each = local.queues

  name                       = each.value
  visibility_timeout_seconds = 30
  message_retention_seconds  = 1209600
  sqs_managed_sse_enabled    = true
  tags                       = var.tags

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters[each.key].arn
    maxReceiveCount     = 5
  })
}

resource "aws_sqs_queue" "dead_letters" {
  for_each = local.queues

  name                      = "${each.value}-dlq"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}
