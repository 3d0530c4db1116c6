output "queue_urls" {
  description = "The address of each queue, by its name"
  value       = { for name, queue in aws_sqs_queue.queue : name => queue.url }
}

output "policies" {
  description = "The ARN of each policy: of the program, the operators and the workers"
  value = {
    program  = aws_iam_policy.program.arn
    operator = aws_iam_policy.operator.arn
    workers  = aws_iam_policy.workers.arn
  }
}

output "role" {
  description = "The ARN of the pods' role, for the annotation eks.amazonaws.com/role-arn; null without a cluster"
  value       = one(aws_iam_role.pods[*].arn)
}
