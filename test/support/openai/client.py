"""The official Python client against one base url: prints what it got as one line of JSON."""

import json
import sys
import time

import openai
from openai import OpenAI

base_url, key, *named = sys.argv[1:]
client = OpenAI(base_url=base_url, api_key=key, max_retries=0, timeout=60)
messages = [{"role": "user", "content": "Say it"}]
result = {}
if named:
    model = named[0]
else:
    listed = client.models.list().data[0]
    model = listed.id
    result["model"] = [listed.id, listed.owned_by]
    result["retrieved"] = client.models.retrieve(model).id

chat = client.chat.completions.create(model=model, messages=messages)
result["chat"] = [chat.choices[0].message.content, chat.usage.completion_tokens]

texts, times = [], []
for chunk in client.chat.completions.create(
    model=model, messages=messages, stream=True, stream_options={"include_usage": True}
):
    times.append(time.monotonic())
    if chunk.choices and chunk.choices[0].delta.content:
        texts.append(chunk.choices[0].delta.content)
result["streamed"] = ["".join(texts), len(texts)]
result["seconds"] = times[-1] - times[0]

result["completion"] = client.completions.create(model=model, prompt="Say it").choices[0].text
result["embedding"] = client.embeddings.create(model=model, input="Say it").data[0].embedding
result["response"] = client.responses.create(model=model, input="Say it").output_text

stream = client.chat.completions.create(model="endless", messages=messages, stream=True)
heard = 0
for _ in stream:
    heard += 1
    if heard == 3:
        break
stream.close()
result["aborted"] = heard


def refusal(work):
    try:
        work()
    except openai.APIStatusError as error:
        body = error.body if isinstance(error.body, dict) else {}
        return [type(error).__name__, error.status_code, error.code, body.get("message")]
    return None


result["refused"] = refusal(lambda: client.chat.completions.create(model="refused", temperature=99, messages=messages))
result["unknown"] = refusal(lambda: client.models.retrieve("somebody-else"))
other = OpenAI(base_url=base_url, api_key="wrong", max_retries=0)
result["wrong key"] = refusal(lambda: other.chat.completions.create(model=model, messages=messages))
print(json.dumps(result))
