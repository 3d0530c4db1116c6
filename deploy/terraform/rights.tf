# Three policies, each with the calls that its holder makes, on the queues of those calls.

# `serve` and `check`.
data "aws_iam_policy_document" "program" {
  statement {
    sid       = "Look"
    actions   = ["sqs:GetQueueUrl", "sqs:GetQueueAttributes"]
    resources = local.every_queue
  }

  statement {
    sid       = "SendJobs"
    actions   = ["sqs:SendMessage"]
    resources = [for name in local.to_the_workers : aws_sqs_queue.queue[name].arn]
  }

  statement {
    sid       = "ReceiveReadyMessages"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"]
    resources = [for name in local.to_the_program : aws_sqs_queue.queue[name].arn]
  }

  # A delivery that cannot be finished goes back as a new message, and one that cannot be handled becomes a dead letter.
  statement {
    sid     = "GiveReadyMessagesBack"
    actions = ["sqs:SendMessage"]
    resources = flatten([for name in local.to_the_program : [
      aws_sqs_queue.queue[name].arn,
      aws_sqs_queue.dead_letters[name].arn,
    ]])
  }
}

# `queues`: a person who looks at dead letters and sends them again. Terraform makes the queues, so that nobody else may.
data "aws_iam_policy_document" "operator" {
  statement {
    sid       = "Look"
    actions   = ["sqs:GetQueueUrl", "sqs:GetQueueAttributes"]
    resources = local.every_queue
  }

  # SQS makes the calls of a move task with the rights of the one who starts it.
  statement {
    sid = "ShowAndMoveDeadLetters"
    actions = [
      "sqs:ReceiveMessage",
      "sqs:DeleteMessage",
      "sqs:ChangeMessageVisibility",
      "sqs:StartMessageMoveTask",
      "sqs:ListMessageMoveTasks",
    ]
    resources = [for queue in aws_sqs_queue.dead_letters : queue.arn]
  }

  statement {
    sid       = "SendAgain"
    actions   = ["sqs:SendMessage"]
    resources = [for queue in aws_sqs_queue.queue : queue.arn]
  }
}

# The workers.
data "aws_iam_policy_document" "workers" {
  statement {
    sid       = "Look"
    actions   = ["sqs:GetQueueUrl", "sqs:GetQueueAttributes"]
    resources = [for queue in aws_sqs_queue.queue : queue.arn]
  }

  statement {
    sid       = "ReceiveJobs"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"]
    resources = [for name in local.to_the_workers : aws_sqs_queue.queue[name].arn]
  }

  statement {
    sid       = "SendReadyMessages"
    actions   = ["sqs:SendMessage"]
    resources = [for name in local.to_the_program : aws_sqs_queue.queue[name].arn]
  }
}

locals {
  every_queue = concat(
    [for queue in aws_sqs_queue.queue : queue.arn],
    [for queue in aws_sqs_queue.dead_letters : queue.arn],
  )
}

resource "aws_iam_policy" "program" {
  name_prefix = "lemon-toolbox-"
  description = "What lemon-toolbox serve asks of its queues"
  policy      = data.aws_iam_policy_document.program.json
  tags        = var.tags
}

resource "aws_iam_policy" "operator" {
  name_prefix = "lemon-toolbox-operator-"
  description = "What lemon-toolbox queues asks of the queues"
  policy      = data.aws_iam_policy_document.operator.json
  tags        = var.tags
}

resource "aws_iam_policy" "workers" {
  name_prefix = "lemon-toolbox-workers-"
  description = "What the workers of Lemon Toolbox ask of the queues"
  policy      = data.aws_iam_policy_document.workers.json
  tags        = var.tags
}
