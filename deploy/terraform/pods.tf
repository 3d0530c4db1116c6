# The role that pods on EKS take with the token of their service account. Elsewhere the policies are enough.

data "aws_iam_policy_document" "pods" {
  count = var.eks == null ? 0 : 1

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [var.eks.oidc_provider_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "${var.eks.oidc_issuer}:sub"
      values   = ["system:serviceaccount:${var.eks.namespace}:lemon-toolbox"]
    }

    condition {
      test     = "StringEquals"
      variable = "${var.eks.oidc_issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "pods" {
  count = var.eks == null ? 0 : 1

  name_prefix        = "lemon-toolbox-"
  assume_role_policy = data.aws_iam_policy_document.pods[0].json
  tags               = var.tags
}

resource "aws_iam_role_policy_attachment" "pods" {
  count = var.eks == null ? 0 : 1

  role       = aws_iam_role.pods[0].name
  policy_arn = aws_iam_policy.program.arn
}
