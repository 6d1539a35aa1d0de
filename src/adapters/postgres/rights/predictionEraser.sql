-- The operator's `menagerie recording forget`: single predictions go, for somebody who asks for that.
GRANT DELETE ON :"schema".inference_requests, :"schema".inference_response TO :"role";
