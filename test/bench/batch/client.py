"""What people write in place of a batch: each line of a file is sent, and its answer written to another one.

client.py URL REQUESTS ANSWERS (loop | threads | async)
"""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx

url, requests, answers, how = sys.argv[1:]
at_once = 4
headers = {"content-type": "application/json"}


def loop(client, lines, out):
    for line in lines:
        out.write(client.post(url, content=line, headers=headers).text + "\n")


def threads(client, lines, out):
    with ThreadPoolExecutor(at_once) as pool:
        for answer in pool.map(lambda line: client.post(url, content=line, headers=headers).text, lines):
            out.write(answer + "\n")


async def asynchronous(lines, out):
    async with httpx.AsyncClient() as client:
        left = iter(lines)

        async def work():
            for line in left:
                out.write((await client.post(url, content=line, headers=headers)).text + "\n")

        await asyncio.gather(*(work() for _ in range(at_once)))


with open(requests) as file, open(answers, "w") as out:
    lines = [line.rstrip("\n") for line in file]
    if how == "async":
        asyncio.run(asynchronous(lines, out))
    else:
        with httpx.Client() as client:
            (loop if how == "loop" else threads)(client, lines, out)
