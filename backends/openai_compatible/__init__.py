"""Any server that speaks OpenAI's `/v1`: mlx_lm.server, llama-server, LM Studio, vLLM."""
