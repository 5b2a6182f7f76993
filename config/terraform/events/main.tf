# What `events.sqs_queue_url` needs in AWS: the event bus that Genesys Cloud fills, a rule that lets acd.start and acd.end of
# callbacks through, the queue that keeps them for the daemon, and one for messages that the daemon does not understand.
# By itself, so that the folder above needs no AWS account.
#
# First add an integration "Amazon EventBridge Source" in Genesys Cloud Admin, with your AWS account and region, and the topics
# v2.detail.events.conversation.{id}.acd.start and v2.detail.events.conversation.{id}.acd.end. It shows in AWS as a partner
# event source, whose name begins with aws.partner/genesys.com. Then
#
#   terraform init
#   terraform apply -var 'event_source=aws.partner/genesys.com/cloud/ORGANISATION/SUFFIX'
#   terraform output -raw sqs_queue_url
#
# and give the policy `reader_policy_arn` to the user or role that the daemon signs in as.

terraform {
  required_version = ">= 1.3"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0.0, < 7.0.0"
    }
  }
}

variable "event_source" {
  description = "Name of the partner event source that the integration made: aws.partner/genesys.com/cloud/ORGANISATION/SUFFIX."
  type        = string

  validation {
    condition     = startswith(var.event_source, "aws.partner/genesys.com")
    error_message = "The daemon understands events of Genesys Cloud's own source only."
  }
}

variable "name" {
  description = "What the queue, the rule and the policy are called."
  type        = string
  default     = "callback-prioritizer"
}

# The bus of a partner has the name of its source.
resource "aws_cloudwatch_event_bus" "genesys" {
  name              = var.event_source
  event_source_name = var.event_source
}

resource "aws_cloudwatch_event_rule" "callbacks" {
  name           = var.name
  description    = "Callbacks that enter or leave a queue"
  event_bus_name = aws_cloudwatch_event_bus.genesys.name

  # "{id}" stands there literally.
  event_pattern = jsonencode({
    "detail-type" = [
      "v2.detail.events.conversation.{id}.acd.start",
      "v2.detail.events.conversation.{id}.acd.end",
    ]
    "detail" = {
      "eventBody" = {
        "mediaType" = ["CALLBACK"]
      }
    }
  })
}

resource "aws_cloudwatch_event_target" "queue" {
  event_bus_name = aws_cloudwatch_event_bus.genesys.name
  rule           = aws_cloudwatch_event_rule.callbacks.name
  arn            = aws_sqs_queue.events.arn

  # What cannot be put into the queue for a day is among the dead letters too.
  dead_letter_config {
    arn = aws_sqs_queue.dead_letters.arn
  }
}

resource "aws_sqs_queue" "events" {
  name = var.name

  # How long a callback that was found is late if the daemon that found it dies; while it lives it hides the message anew.
  visibility_timeout_seconds = 60
  # As long as Genesys Cloud itself tries to deliver.
  message_retention_seconds = 345600
  receive_wait_time_seconds = 20
  sqs_managed_sse_enabled   = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = 5
  })
}

resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.name}-dead-letters"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

# Nobody but this rule puts messages into the queues.
data "aws_iam_policy_document" "writer" {
  for_each = {
    events       = aws_sqs_queue.events.arn
    dead_letters = aws_sqs_queue.dead_letters.arn
  }

  statement {
    effect    = "Allow"
    actions   = ["sqs:SendMessage"]
    resources = [each.value]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.callbacks.arn]
    }
  }
}

resource "aws_sqs_queue_policy" "events" {
  queue_url = aws_sqs_queue.events.url
  policy    = data.aws_iam_policy_document.writer["events"].json
}

resource "aws_sqs_queue_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.url
  policy    = data.aws_iam_policy_document.writer["dead_letters"].json
}

data "aws_iam_policy_document" "reader" {
  statement {
    effect = "Allow"
    actions = [
      "sqs:ReceiveMessage",
      "sqs:DeleteMessage",
      "sqs:ChangeMessageVisibility",
      "sqs:GetQueueAttributes",
    ]
    resources = [aws_sqs_queue.events.arn]
  }
}

resource "aws_iam_policy" "reader" {
  name        = "${var.name}-reader"
  description = "What the daemon does with the queue"
  policy      = data.aws_iam_policy_document.reader.json
}

output "sqs_queue_url" {
  description = "events.sqs_queue_url in the daemon's settings."
  value       = aws_sqs_queue.events.url
}

output "reader_policy_arn" {
  description = "For the user or role that the daemon signs in as."
  value       = aws_iam_policy.reader.arn
}

output "dead_letters_url" {
  description = "Where messages are that were not understood."
  value       = aws_sqs_queue.dead_letters.url
}
