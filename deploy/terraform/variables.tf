variable "tags" {
  description = "Tags of everything that is made here"
  type        = map(string)
  default     = { application = "lemon-toolbox" }
}

variable "eks" {
  description = "The cluster whose pods take the program's role: its OIDC provider, the issuer without https://, and the namespace"
  type = object({
    oidc_provider_arn = string
    oidc_issuer       = string
    namespace         = optional(string, "lemon-toolbox")
  })
  default = null
}
