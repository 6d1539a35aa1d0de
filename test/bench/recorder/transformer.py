"""What one writes first with KServe's Python SDK: a transformer that stores request and answer, one INSERT per row."""

import argparse
import asyncio
import json
import os
from datetime import datetime, timezone
from typing import Dict

import psycopg
from kserve import Model, ModelServer, model_server
from kserve.model import PredictorConfig


class Transformer(Model):
    def __init__(self, name: str, predictor_host: str):
        super().__init__(name, PredictorConfig(predictor_host=predictor_host))
        self.queue: asyncio.Queue = asyncio.Queue()
        self.writer = None
        self.ready = True

    async def preprocess(self, payload: Dict, headers: Dict[str, str] = None) -> Dict:
        self.put("inference_requests", "request_data", headers, payload)
        return payload

    async def postprocess(self, result: Dict, headers: Dict[str, str] = None, **_) -> Dict:
        self.put("inference_response", "response_data", headers, result)
        return result

    def put(self, table: str, column: str, headers: Dict[str, str], body: Dict) -> None:
        if self.writer is None:
            self.writer = asyncio.create_task(self.write())
        self.queue.put_nowait((table, column, headers.get("x-request-id"), body))

    async def write(self) -> None:
        connection = await psycopg.AsyncConnection.connect(os.environ["POSTGRES_URI"], autocommit=True)
        while True:
            table, column, request_id, body = await self.queue.get()
            await connection.execute(
                f"INSERT INTO {table} (request_id, at, {column}) VALUES (%s, %s, %s)",
                (request_id, datetime.now(timezone.utc), json.dumps(body)),
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(parents=[model_server.parser], conflict_handler="resolve")
    arguments, _ = parser.parse_known_args()
    ModelServer(http_port=arguments.http_port, enable_grpc=False).start(
        [Transformer(arguments.model_name, arguments.predictor_host)]
    )
