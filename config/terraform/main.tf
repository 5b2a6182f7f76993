# What the daemon needs in your organisation, in the provider of CX as Code: a role with exactly its permissions, and an
# OAuth client with that role in the divisions of the queues whose callbacks are raised.
#
#   terraform init
#   terraform apply -var 'divisions=["Home"]'
#   terraform output -raw client_id
#   terraform output -raw client_secret | sudo install -m 600 /dev/stdin /etc/callback-prioritizer/client_secret
#
# The provider signs in by GENESYSCLOUD_REGION, GENESYSCLOUD_OAUTHCLIENT_ID and GENESYSCLOUD_OAUTHCLIENT_SECRET, with an
# OAuth client of its own that may add roles, grants and OAuth clients. It gives itself the role below first, because
# nobody can hand on what he does not have.

terraform {
  required_version = ">= 1.3"

  required_providers {
    genesyscloud = {
      source  = "mypurecloud/genesyscloud"
      version = ">= 1.70.0, < 2.0.0"
    }
  }
}

variable "name" {
  description = "What the role and the OAuth client are called."
  type        = string
  default     = "Callback Prioritizer"
}

variable "divisions" {
  description = "Names of the divisions of the queues whose callbacks are raised; empty for all divisions."
  type        = set(string)
  default     = []
}

data "genesyscloud_auth_division" "of_queues" {
  for_each = var.divisions
  name     = each.value
}

locals {
  # "*" is every division, those that come later included.
  division_ids = length(var.divisions) > 0 ? [for division in data.genesyscloud_auth_division.of_queues : division.id] : ["*"]
}

resource "genesyscloud_auth_role" "callback_prioritizer" {
  name        = var.name
  description = "Reads who waits in queues, and raises the priority of callbacks"

  # Setting the priority.
  permission_policies {
    domain      = "routing"
    entity_name = "conversation"
    action_set  = ["edit"]
  }

  # Looking at a conversation.
  permission_policies {
    domain      = "conversation"
    entity_name = "communication"
    action_set  = ["view"]
  }

  # The sweep: listing who waits.
  permission_policies {
    domain      = "analytics"
    entity_name = "queueObservation"
    action_set  = ["view"]
  }

  # Finding queues by name.
  permission_policies {
    domain      = "routing"
    entity_name = "queue"
    action_set  = ["view"]
  }
}

resource "genesyscloud_oauth_client" "callback_prioritizer" {
  name                          = var.name
  description                   = "Keeps the place in line of callbacks"
  authorized_grant_type         = "CLIENT-CREDENTIALS"
  access_token_validity_seconds = 86400
  state                         = "active"
  # So that it can be read from the output below. It is in Terraform's state then, which must be kept as a secret.
  expose_client_secret = true

  dynamic "roles" {
    for_each = toset(local.division_ids)
    content {
      role_id     = genesyscloud_auth_role.callback_prioritizer.id
      division_id = roles.value
    }
  }
}

output "client_id" {
  description = "genesys.client_id in the daemon's settings."
  value       = genesyscloud_oauth_client.callback_prioritizer.id
}

output "client_secret" {
  description = "For the file or the variable that the daemon reads its secret from."
  value       = genesyscloud_oauth_client.callback_prioritizer.client_secret
  sensitive   = true
}
